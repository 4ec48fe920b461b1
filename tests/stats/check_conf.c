/*
 * check_conf.c - stats/conf.c.
 *
 * Proves: every key takes what its table says and nothing else; what is not
 * understood is complained about once, with its reason, and changes nothing;
 * signals have names that lead back to them.
 */
#include "stats/conf.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/suite.h"

static struct conf conf;
static char complaints[4096];

static void complain(void *argument, const char *part, size_t part_bytes, const char *why)
{
	size_t used = strlen(complaints);

	ck_assert_ptr_eq(argument, &conf);
	snprintf(complaints + used, sizeof(complaints) - used, "%s: %.*s\n", why, (int)part_bytes,
		part);
}

static void parse(const char *text)
{
	conf_init(&conf);
	complaints[0] = '\0';
	conf_parse(&conf, text, complain, &conf);
}

static void is_default(void)
{
	struct conf fresh;

	conf_init(&fresh);
	ck_assert_mem_eq(&conf, &fresh, sizeof(conf));
}

START_TEST(test_the_defaults_are_what_the_table_says)
{
	char text[256];

	parse("");
	ck_assert(conf.box);
	ck_assert(!conf.exit_report);
	ck_assert(!conf.dump_json);
	ck_assert_int_eq(conf.signal_number, SIGUSR2);
	ck_assert_str_eq(conf.dir, "");
	ck_assert_str_eq(conf.dump, "");
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (strcmp(key->name, "dir") == 0 || strcmp(key->name, "dump") == 0)
			continue; /* their defaults are where one looks */
		snprintf(text, sizeof(text), "%s:%s", key->name, key->default_text);
		parse(text);
		ck_assert_str_eq(complaints, "");
		is_default();
	}
}
END_TEST

START_TEST(test_every_key_is_described)
{
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		ck_assert_uint_gt(strlen(key->values), 0);
		ck_assert_int_eq(key->meaning[strlen(key->meaning) - 1], '.');
		for (const struct conf_key *other = conf_keys; other != key; other++)
			ck_assert_str_ne(other->name, key->name);
	}
}
END_TEST

START_TEST(test_every_key_sets_its_own)
{
	parse("box:0,exit_report:1,dump_format:json,signal:USR1,dir:/some/where,dump:a-%p.txt");
	ck_assert_str_eq(complaints, "");
	ck_assert(!conf.box);
	ck_assert(conf.exit_report);
	ck_assert(conf.dump_json);
	ck_assert_int_eq(conf.signal_number, SIGUSR1);
	ck_assert_str_eq(conf.dir, "/some/where");
	ck_assert_str_eq(conf.dump, "a-%p.txt");
	parse("box:false,exit_report:true,signal:none");
	ck_assert_str_eq(complaints, "");
	ck_assert(!conf.box);
	ck_assert(conf.exit_report);
	ck_assert_int_eq(conf.signal_number, 0);
	parse("tags:all");
	ck_assert_str_eq(complaints, "");
	ck_assert(conf.tags_all);
	parse("tags:all,tags:sampled");
	ck_assert(!conf.tags_all);
}
END_TEST

START_TEST(test_limits_are_bytes_or_words)
{
	parse("near_limit:75,limit:2g");
	ck_assert_str_eq(complaints, "");
	ck_assert_uint_eq(conf.near_limit_percent, 75);
	ck_assert_uint_eq(conf.limit_bytes, (size_t)2 << 30);
	ck_assert(!conf.limit_is_auto);
	parse("near_limit:off,limit:2g,limit:auto");
	ck_assert_str_eq(complaints, "");
	ck_assert_uint_eq(conf.near_limit_percent, 0);
	ck_assert_uint_eq(conf.limit_bytes, 0);
	ck_assert(conf.limit_is_auto);
	parse("near_limit:0,limit:auto,limit:none");
	ck_assert_str_eq(complaints, "");
	ck_assert_uint_eq(conf.near_limit_percent, 0);
	ck_assert(!conf.limit_is_auto);
	parse("near_limit:100,limit:1m");
	ck_assert_str_eq(complaints, "");
	ck_assert_uint_eq(conf.near_limit_percent, 100);
	ck_assert_uint_eq(conf.limit_bytes, 1 << 20);
}
END_TEST

START_TEST(test_what_is_no_limit_is_refused)
{
	static const char *const bad[] = {"near_limit:101", "near_limit:-1", "near_limit:",
		"near_limit:90%", "near_limit:on", "limit:", "limit:4k", "limit:0", "limit:1m1",
		"limit:Auto", "limit:-1", "limit:99999999999g"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		parse(bad[i]);
		ck_assert_ptr_nonnull(strstr(complaints, "bad value"));
		is_default();
	}
}
END_TEST

START_TEST(test_the_last_of_two_holds)
{
	parse("box:0,box:1,box:0,signal:none,signal:HUP");
	ck_assert_str_eq(complaints, "");
	ck_assert(!conf.box);
	ck_assert_int_eq(conf.signal_number, SIGHUP);
}
END_TEST

START_TEST(test_commas_may_be_too_many)
{
	parse(",,box:0,,,exit_report:1,");
	ck_assert_str_eq(complaints, "");
	ck_assert(!conf.box);
	ck_assert(conf.exit_report);
}
END_TEST

static const char *const bad_values[] = {"box:2", "box:", "box:yes", "box:10", "exit_report:on",
	"dump_format:xml", "dump_format:", "dump_format:jsonl", "signal:", "signal:NOPE", "signal:0",
	"signal:65", "signal:1000", "signal:-1", "signal:KILL", "signal:STOP", "signal:SEGV",
	"signal:9", "signal:32", "signal:33", "signal:CHLD", "signal:RTMIN+", "signal:RTMIN+99",
	"signal:RTMIN+x", "signal:usr1", "dir:relative", "dir:", "dump:", "box:1:1",
	"tags:", "tags:some", "tags:1"};

START_TEST(test_a_bad_value_is_complained_about_and_changes_nothing)
{
	char want[128];

	snprintf(want, sizeof(want), "bad value: %s\n", bad_values[_i]);
	parse(bad_values[_i]);
	ck_assert_str_eq(complaints, want);
	is_default();
}
END_TEST

static const char *const unknown[][2] = {{"boxes:1", "unknown key: boxes:1\n"},
	{"Box:1", "unknown key: Box:1\n"}, {":1", "unknown key: :1\n"}, {":", "unknown key: :\n"},
	{" box:1", "unknown key:  box:1\n"}, {"box", "no colon: box\n"}, {"box=1", "no colon: box=1\n"},
	{"nothing", "no colon: nothing\n"}};

START_TEST(test_what_is_unknown_is_complained_about_and_changes_nothing)
{
	parse(unknown[_i][0]);
	ck_assert_str_eq(complaints, unknown[_i][1]);
	is_default();
}
END_TEST

START_TEST(test_what_follows_a_bad_part_still_holds)
{
	parse("box:maybe,what,exit_report:1,who:me");
	ck_assert_str_eq(complaints, "bad value: box:maybe\nno colon: what\nunknown key: who:me\n");
	ck_assert(conf.exit_report);
	conf_parse(&conf, "box:maybe", NULL, NULL); /* nobody listens */
}
END_TEST

START_TEST(test_a_path_may_be_as_long_as_there_is_room)
{
	static char text[2 * CONF_PATH_BYTES];

	memset(text, 'a', sizeof(text));
	memcpy(text, "dir:/", 5);
	text[4 + CONF_PATH_BYTES - 1] = '\0';
	parse(text);
	ck_assert_str_eq(complaints, "");
	ck_assert_str_eq(conf.dir, text + 4);
	text[4 + CONF_PATH_BYTES - 1] = 'a';
	text[4 + CONF_PATH_BYTES] = '\0';
	conf_init(&conf);
	conf_parse(&conf, text, NULL, NULL);
	is_default();
}
END_TEST

START_TEST(test_signals_have_names_that_lead_back)
{
	int named = 0;

	for (int number = 1; number < NSIG; number++) {
		const char *name = signal_name(number);
		char digits[8];
		if (name != NULL) {
			named++;
			ck_assert_int_eq(signal_number_of(name, strlen(name)), number);
			ck_assert_int_eq(signal_number_of(name + 3, strlen(name) - 3), number);
		}
		snprintf(digits, sizeof(digits), "%d", number);
		ck_assert_int_eq(signal_number_of(digits, strlen(digits)), number);
	}
	ck_assert_int_eq(named, 31); /* every one that is not a real-time signal */
	ck_assert_ptr_null(signal_name(0));
	ck_assert_ptr_null(signal_name(-1));
	ck_assert_int_eq(signal_number_of("RTMIN", 5), SIGRTMIN);
	ck_assert_int_eq(signal_number_of("SIGRTMIN+3", 10), SIGRTMIN + 3);
	ck_assert_int_eq(signal_number_of("USR2 and more", 4), SIGUSR2);
	ck_assert_int_eq(signal_number_of("", 0), -1);
	ck_assert_int_eq(signal_number_of("SIG", 3), -1);
}
END_TEST

START_TEST(test_any_text_is_survived)
{
	char text[128];
	static const char bytes[] = "box:dirsgnal,,01/%\\ \x80\xff";

	for (int i = 0; i < 20000; i++) {
		size_t length = random_below(sizeof(text));
		for (size_t at = 0; at < length; at++)
			text[at] = bytes[random_below(sizeof(bytes) - 1)];
		text[length] = '\0';
		conf_init(&conf);
		conf_parse(&conf, text, NULL, NULL);
	}
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("stats/conf", NULL, NULL);

	tcase_add_test(tests, test_the_defaults_are_what_the_table_says);
	tcase_add_test(tests, test_every_key_is_described);
	tcase_add_test(tests, test_every_key_sets_its_own);
	tcase_add_test(tests, test_limits_are_bytes_or_words);
	tcase_add_test(tests, test_what_is_no_limit_is_refused);
	tcase_add_test(tests, test_the_last_of_two_holds);
	tcase_add_test(tests, test_commas_may_be_too_many);
	tcase_add_loop_test(tests, test_a_bad_value_is_complained_about_and_changes_nothing, 0,
		(int)(sizeof(bad_values) / sizeof(bad_values[0])));
	tcase_add_loop_test(tests, test_what_is_unknown_is_complained_about_and_changes_nothing, 0,
		(int)(sizeof(unknown) / sizeof(unknown[0])));
	tcase_add_test(tests, test_what_follows_a_bad_part_still_holds);
	tcase_add_test(tests, test_a_path_may_be_as_long_as_there_is_room);
	tcase_add_test(tests, test_signals_have_names_that_lead_back);
	tcase_add_test(tests, test_any_text_is_survived);
	return suite_end();
}
