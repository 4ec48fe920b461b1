# preload/local.mk - libmstat.so: what the dynamic linker sees.
