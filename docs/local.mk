# docs/local.mk - the design, what was measured, and the conformance table.

dist_doc_DATA += %D%/design.md %D%/conformance.md %D%/hints.md \
	%D%/performance.md %D%/bench-summary.svg %D%/bench-micro.svg \
	%D%/bench-programs.svg %D%/bench-memory.svg
