# tests/misuse/local.mk - one misuse a program, asserted by its signal and its
# exact message; in the form of tests/preload/local.mk.
