# heap/local.mk - libheap.la: who owns which memory.
