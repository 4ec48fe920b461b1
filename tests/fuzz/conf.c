/*
 * conf.c - MSTAT_CONF, any text (stats/conf.c).
 *
 * Proves: a complaint is about a part of the text, with a reason that there is; a part that
 * is complained about changes nothing; what is left out of the text changes no other part's
 * meaning; a signal's name leads back to it.
 */
#include "stats/conf.h"

#include <signal.h>
#include <string.h>

#include "tests/fuzz/target.h"

enum { PARTS_MOST = 64 };

struct complaints {
	const char *text;
	size_t text_bytes;
	size_t count;
};

static void complain(void *arg, const char *part, size_t part_bytes, const char *why)
{
	struct complaints *complaints = arg;

	required(part >= complaints->text && part_bytes != 0 &&
			part + part_bytes <= complaints->text + complaints->text_bytes,
		"a complaint is about a part of the text");
	required(strcmp(why, "unknown key") == 0 || strcmp(why, "bad value") == 0 ||
			strcmp(why, "no colon") == 0,
		"a complaint has one of three reasons");
	required(memchr(part, ',', part_bytes) == NULL, "a part has no comma");
	complaints->count++;
}

static size_t parse(struct conf *conf, const char *text)
{
	struct complaints complaints = {.text = text, .text_bytes = strlen(text)};

	conf_parse(conf, text, complain, &complaints);
	return complaints.count;
}

static bool is_equal(const struct conf *a, const struct conf *b)
{
	return a->box == b->box && a->exit_report == b->exit_report && a->dump_json == b->dump_json &&
		a->stop_signal == b->stop_signal && a->tiny == b->tiny &&
		a->check_sizes == b->check_sizes && a->exit_check == b->exit_check &&
		a->check == b->check && a->check_every == b->check_every &&
		a->check_slots == b->check_slots && a->efence == b->efence && a->zero == b->zero &&
		a->noscan_strings == b->noscan_strings && a->token_max == b->token_max &&
		a->signal_number == b->signal_number && strcmp(a->dir, b->dir) == 0 &&
		strcmp(a->dump, b->dump) == 0;
}

static bool is_signal(int number)
{
	return number > 0 && number < NSIG;
}

/* Part by part it comes to the same, and a bad one is as if it were not there. */
static void parts_check(const struct conf *all, size_t bad_count, char *text)
{
	struct conf conf;
	size_t bad = 0;

	conf_init(&conf);
	for (char *part = text, *end; part != NULL; part = end) {
		struct conf before = conf;
		end = strchr(part, ',');
		if (end != NULL)
			*end++ = '\0';
		size_t now = parse(&conf, part);
		required(now <= 1, "a part is complained about once");
		required(now == 0 || is_equal(&conf, &before), "a bad part changes nothing");
		bad += now;
	}
	required(bad == bad_count, "parts are bad by themselves");
	required(is_equal(all, &conf), "parts mean what they mean by themselves");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *text = malloc(bytes + 1);
	struct conf conf;

	if (text == NULL)
		return 0;
	memcpy(text, data, bytes);
	text[bytes] = '\0';
	conf_init(&conf);
	size_t bad = parse(&conf, text);
	required(is_signal(conf.stop_signal), "the stop signal is one");
	required(conf.signal_number == 0 || is_signal(conf.signal_number), "the dump signal is one");
	required(memchr(conf.dir, '\0', sizeof(conf.dir)) != NULL, "the folder's name ends");
	required(memchr(conf.dump, '\0', sizeof(conf.dump)) != NULL, "the dump's name ends");
	int number = signal_number_of(text, strlen(text));
	const char *name = number > 0 ? signal_name(number) : NULL;
	required(number == -1 || is_signal(number), "a signal's number is one");
	required(name == NULL || signal_number_of(name, strlen(name)) == number,
		"a signal's name leads back to it");
	parts_check(&conf, bad, text);
	free(text);
	return 0;
}
