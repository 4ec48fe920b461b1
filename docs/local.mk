# docs/local.mk - the design and the conformance table.

dist_doc_DATA += %D%/design.md %D%/conformance.md
