# docs/local.mk - the design and the conformance table.
