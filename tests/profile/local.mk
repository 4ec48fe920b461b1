# tests/profile/local.mk - who holds memory, and what is lost.

unit_suites += %D%/check_collect %D%/check_world
