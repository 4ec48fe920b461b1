# tools/local.mk - mstat, the reporter, and its bash completion.
