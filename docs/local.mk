# docs/local.mk - the design, guides, what was measured, and the conformance table.

dist_doc_DATA += %D%/design.md %D%/conformance.md %D%/hints.md \
	%D%/killed.md %D%/killed-flame.svg %D%/misuse.md \
	%D%/performance.md %D%/reliability.md %D%/rss.md %D%/rss-flame.svg %D%/bench-summary.svg %D%/bench-micro.svg \
	%D%/bench-programs.svg %D%/bench-memory.svg
