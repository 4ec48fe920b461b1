# tests/check/local.mk - what a checked process does with its objects.

unit_suites += %D%/check_fence %D%/check_fill %D%/check_record %D%/check_stack
