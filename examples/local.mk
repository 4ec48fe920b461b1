# examples/local.mk - programs that the manual refers to; built and run by make check.

examples = %D%/generator %D%/parser %D%/callback
check_PROGRAMS += $(examples)
%C%_generator_LDADD = libmstat_coro.la
%C%_parser_LDADD = libmstat_coro.la
%C%_callback_LDADD = libmstat_coro.la
