# tests/profile/local.mk - who holds memory, and what is lost.

unit_suites += %D%/check_backtrace %D%/check_cfi %D%/check_shadow_stack %D%/check_sites \
	%D%/check_tags

# Not with the sanitizers: what is searched for pointers would be their tables too, terabytes
# of address space.
if PRELOAD
unit_suites += %D%/check_collect %D%/check_reach %D%/check_world
endif
