# tests/conformance/local.mk - a suite a table of docs/conformance.md, a test a rule.

unit_suites += %D%/check_statistics %D%/check_tiny
