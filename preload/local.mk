# preload/local.mk - libmstat.so: what the dynamic linker sees.  The convenience
# libraries below are taken in whole; what is exported stands in libmstat.map.

EXTRA_DIST += %D%/libmstat.map %D%/token_fast.awk

if PRELOAD
lib_LTLIBRARIES += libmstat.la
libmstat_la_SOURCES = %D%/api.h %D%/api.c %D%/cgroup.h %D%/cgroup.c %D%/cgroup_room.h %D%/cgroup_room.c %D%/checking.h %D%/checking.c %D%/confine.c %D%/exit.c %D%/fault.h %D%/fault.c \
	%D%/fork.h %D%/fork.c %D%/info.c %D%/leak_check.h %D%/leak_check.c %D%/limit.h %D%/limit.c %D%/malloc.h %D%/malloc.c %D%/near.h %D%/near.c %D%/new.h %D%/new.c %D%/process.h %D%/process.c \
	%D%/redirect.h %D%/redirect.c %D%/sigaction.h %D%/sigaction.c \
	%D%/signal.h %D%/signal.c %D%/strings.c %D%/survey.h %D%/survey.c %D%/thread.h %D%/thread.c \
	%D%/token.h %D%/token.c
nodist_libmstat_la_SOURCES = %D%/token_fast.c
libmstat_la_LIBADD = $(FLOORS)
libmstat_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -no-undefined \
	-Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,-z,noseparate-code \
	-Wl,--as-needed \
	-Wl,--version-script=$(top_srcdir)/%D%/libmstat.map
EXTRA_libmstat_la_DEPENDENCIES = %D%/libmstat.map

# The form of the token functions whose names have the token in them.
CLEANFILES += %D%/token_fast.c
%D%/token_fast.c: %D%/token_fast.awk %D%/token.h
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	$(AWK) -f $(srcdir)/%D%/token_fast.awk $(srcdir)/%D%/token.h >$@.new && mv $@.new $@

# A preload is a plain file.  Without its .la, libtool no longer knows what it
# installed.
install-exec-hook:
	rm -f $(DESTDIR)$(libdir)/libmstat.la

uninstall-hook:
	rm -f $(DESTDIR)$(libdir)/libmstat.so
endif
