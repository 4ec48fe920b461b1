# m4/mstat.m4 - the two forms that configure.ac repeats.

# MSTAT_SWITCH(NAME, MEANING)
# A switch that is off unless it is asked for: enable_NAME is "yes" or "no".
AC_DEFUN([MSTAT_SWITCH], [
AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])], [], [enable_$1=no])
])

# MSTAT_CFLAGS(VARIABLE, FLAGS)
# Substitutes VARIABLE with those of FLAGS that the C compiler knows.  -Werror
# makes clang refuse what it would otherwise only remark upon.
AC_DEFUN([MSTAT_CFLAGS], [
AC_LANG_PUSH([C])
mstat_user_cflags=$CFLAGS
for mstat_flag in m4_normalize([$2]); do
	AC_MSG_CHECKING([whether $CC knows $mstat_flag])
	CFLAGS="$mstat_user_cflags -Werror $mstat_flag"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		 $1="$$1${$1:+ }$mstat_flag"],
		[AC_MSG_RESULT([no])])
done
CFLAGS=$mstat_user_cflags
AC_SUBST([$1])
AC_LANG_POP([C])
])
