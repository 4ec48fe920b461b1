# man/local.mk - the manual pages.  A page NAME.SECTION is written in
# man/NAME.SECTION.scd; the tarball holds both, so that it builds without scdoc.

SUFFIXES += .scd

.scd:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SCDOC) <$< >$@.part && mv $@.part $@

pages = %D%/coro.7 %D%/coro_backtrace.3 %D%/coro_barriers.3 %D%/coro_copystack.3 \
	%D%/coro_create.3 %D%/coro_defer.3 %D%/coro_foreign.3 %D%/coro_key_create.3 \
	%D%/coro_stack.3
if ALLOCATOR
pages += %D%/mstat.1 %D%/mstat-fragments.1 %D%/mstat-leaks.1 %D%/mstat-post.1 %D%/mstat-prof.1 %D%/mstat-top.1 %D%/libmstat.7 \
	%D%/mstat_alloc.3 %D%/mstat_collect.3 %D%/mstat_finalizer_set.3 %D%/mstat_snapshot.3 \
	%D%/mstat_stacks_add.3 %D%/mstat_tag_push.3
endif

dist_man_MANS += $(pages)
EXTRA_DIST += $(pages:=.scd)
MAINTAINERCLEANFILES += $(pages)
