#include "stats/conf.h"

#include <signal.h>
#include <string.h>

static bool text_is(const char *text, size_t bytes, const char *word)
{
	return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

static bool parse_bool(bool *out, const char *value, size_t bytes)
{
	bool yes = text_is(value, bytes, "1") || text_is(value, bytes, "true");
	bool no = text_is(value, bytes, "0") || text_is(value, bytes, "false");

	if (yes || no)
		*out = yes;
	return yes || no;
}

static bool parse_path(char *out, const char *value, size_t bytes)
{
	if (bytes == 0 || bytes >= CONF_PATH_BYTES || memchr(value, '\0', bytes) != NULL)
		return false;
	memcpy(out, value, bytes);
	out[bytes] = '\0';
	return true;
}

static bool set_box(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->box, value, bytes);
}

static bool set_exit_report(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->exit_report, value, bytes);
}

static bool set_tiny(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->tiny, value, bytes);
}

static bool set_check(struct conf *conf, const char *value, size_t bytes)
{
	static const char *const names[] = {[CONF_CHECK_AUTO] = "auto", [CONF_CHECK_NONE] = "none",
		[CONF_CHECK_FULL] = "full", [CONF_CHECK_SAMPLE] = "sample"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (text_is(value, bytes, names[i])) {
			conf->check = (enum conf_check)i;
			return true;
		}
	return false;
}

static bool set_efence(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->efence, value, bytes);
}

static bool set_zero(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->zero, value, bytes);
}

static bool set_check_sizes(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->check_sizes, value, bytes);
}

static bool set_exit_check(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->exit_check, value, bytes);
}

static bool set_noscan_strings(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->noscan_strings, value, bytes);
}

/* 0 too. */
static bool parse_digits(size_t *out, const char *value, size_t bytes)
{
	size_t number = 0;

	if (bytes == 0)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (value[i] < '0' || value[i] > '9' ||
			__builtin_mul_overflow(number, (size_t)10, &number) ||
			__builtin_add_overflow(number, (size_t)(value[i] - '0'), &number))
			return false;
	*out = number;
	return true;
}

static bool parse_count(size_t *out, const char *value, size_t bytes)
{
	size_t number;

	if (!parse_digits(&number, value, bytes) || number == 0)
		return false;
	*out = number;
	return true;
}

static bool set_check_every(struct conf *conf, const char *value, size_t bytes)
{
	return parse_count(&conf->check_every, value, bytes);
}

static bool set_check_slots(struct conf *conf, const char *value, size_t bytes)
{
	size_t slots;

	if (!parse_count(&slots, value, bytes) || slots < CONF_CHECK_SLOTS_LEAST ||
		slots > CONF_CHECK_SLOTS_MOST)
		return false;
	conf->check_slots = slots;
	return true;
}

bool conf_parse_bytes(size_t *out, const char *value, size_t bytes)
{
	static const char units[] = "kmg";
	char last = bytes > 0 ? (char)(value[bytes - 1] | ('a' - 'A')) : '\0';
	const char *unit = last != '\0' ? strchr(units, last) : NULL;
	size_t number, scale = unit != NULL ? (size_t)1024 << 10 * (unit - units) : 1;

	if (!parse_digits(&number, value, bytes - (unit != NULL)) ||
		__builtin_mul_overflow(number, scale, &number))
		return false;
	*out = number;
	return true;
}

/* Above it a process would have to live for years to be looked at. */
static bool set_sample(struct conf *conf, const char *value, size_t bytes)
{
	size_t number;

	if (!conf_parse_bytes(&number, value, bytes) || number > CONF_SAMPLE_MOST_BYTES)
		return false;
	conf->sample_bytes = number;
	return true;
}

static bool set_near_limit(struct conf *conf, const char *value, size_t bytes)
{
	size_t percent = 0;

	if (!text_is(value, bytes, "off") && (!parse_digits(&percent, value, bytes) || percent > 100))
		return false;
	conf->near_limit_percent = percent;
	return true;
}

static bool set_limit(struct conf *conf, const char *value, size_t bytes)
{
	size_t number = 0;
	bool is_auto = text_is(value, bytes, "auto");

	if (!is_auto && !text_is(value, bytes, "none") &&
		(!conf_parse_bytes(&number, value, bytes) || number < CONF_LIMIT_LEAST_BYTES))
		return false;
	conf->limit_is_auto = is_auto;
	conf->limit_bytes = number;
	return true;
}

static bool set_tags(struct conf *conf, const char *value, size_t bytes)
{
	bool all = text_is(value, bytes, "all");

	if (!all && !text_is(value, bytes, "sampled"))
		return false;
	conf->tags_all = all;
	return true;
}

static bool set_token_max(struct conf *conf, const char *value, size_t bytes)
{
	if (!text_is(value, bytes, "none"))
		return parse_count(&conf->token_max, value, bytes);
	conf->token_max = 0;
	return true;
}

static bool set_dump_format(struct conf *conf, const char *value, size_t bytes)
{
	bool json = text_is(value, bytes, "json");

	if (!json && !text_is(value, bytes, "text"))
		return false;
	conf->dump_json = json;
	return true;
}

/* What cannot be caught, what a fault raises, and what libc keeps for itself
   is no signal to dump on. */
static bool signal_can_dump(int number)
{
	static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
		SIGTRAP, SIGSYS, SIGCHLD};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (number == refused[i])
			return false;
	return number > 0 && number < NSIG && (number < 32 || number >= SIGRTMIN);
}

static bool set_signal(struct conf *conf, const char *value, size_t bytes)
{
	int number = text_is(value, bytes, "none") ? 0 : signal_number_of(value, bytes);

	if (number != 0 && !signal_can_dump(number))
		return false;
	conf->signal_number = number;
	return true;
}

/* The last but one of the real-time signals is Valgrind's, the first are libc's. */
enum { STOP_SIGNAL = 62 };

static bool set_stop_signal(struct conf *conf, const char *value, size_t bytes)
{
	int number = signal_number_of(value, bytes);

	if (number < SIGRTMIN || number > SIGRTMAX)
		return false;
	conf->stop_signal = number;
	return true;
}

static bool set_dir(struct conf *conf, const char *value, size_t bytes)
{
	return bytes > 0 && value[0] == '/' && parse_path(conf->dir, value, bytes);
}

static bool set_dump(struct conf *conf, const char *value, size_t bytes)
{
	return parse_path(conf->dump, value, bytes);
}

static bool set_leak_check(struct conf *conf, const char *value, size_t bytes)
{
	return parse_bool(&conf->leak_check, value, bytes);
}

static bool set_leak_suppressions(struct conf *conf, const char *value, size_t bytes)
{
	if (text_is(value, bytes, "none")) {
		conf->leak_suppressions[0] = '\0';
		return true;
	}
	return parse_path(conf->leak_suppressions, value, bytes);
}

const struct conf_key conf_keys[] = {
	{"box", "1", "0 or 1", "Publish the books in a file that mstat reads.", set_box},
	{"dir", "/dev/shm", "an absolute path",
		"Where the folder of the boxes, mstat-UID, is made; $XDG_RUNTIME_DIR is tried next.",
		set_dir},
	{"signal", "USR2", "a signal's name or number, or none",
		"The signal that asks for a dump; installed only if the program has no handler.",
		set_signal},
	{"dump", "a file beside the box", "a path; %p pid, %e program, %t time, %n number",
		"Where a dump is written.", set_dump},
	{"dump_format", "text", "text or json", "How a dump is written.", set_dump_format},
	{"sample", "512k", "bytes, as 64k, 512k or 1m; 0 is none",
		"How many bytes are allocated, on average, from one sample of call sites to the next.",
		set_sample},
	{"tags", "sampled", "sampled or all",
		"Of the scopes of tags, whether samples are theirs, or all is counted.", set_tags},
	{"stop_signal", "62", "a real-time signal's name or number",
		"The signal that stops all threads while the process is copied to be searched.",
		set_stop_signal},
	{"tiny", "1", "0 or 1",
		"Combine objects of less than 16 bytes that are hinted to hold no pointers.",
		set_tiny},
	{"noscan_strings", "0", "0 or 1",
		"What strdup() and asprintf() make is hinted to hold no pointers.",
		set_noscan_strings},
	{"token_max", "none", "a number, or none",
		"The -falloc-token-max of the compiler that made the program; none is SIZE_MAX.",
		set_token_max},
	{"check", "auto", "auto, none, full or sample",
		"Look at all that the program does with its objects, which makes it slower, or at what it "
		"does with a few of them; auto: at all with leak_check, else at none.",
		set_check},
	{"check_every", "50", "a number of samples",
		"With check:sample, to one that is checked.", set_check_every},
	{"check_slots", "32", "16 to 64", "With check:sample, so many at a time are checked.",
		set_check_slots},
	{"efence", "0", "0 or 1",
		"Each object on pages of its own, beside one that nobody may touch, never used again.",
		set_efence},
	{"zero", "0", "0 or 1", "With check:full, what is freed is filled with zeroes.", set_zero},
	{"check_sizes", "1", "0 or 1",
		"End a program whose sized delete or free says another size or alignment.",
		set_check_sizes},
	{"exit_check", "1", "0 or 1",
		"At exit, look for double and bad frees that nothing has come upon before.",
		set_exit_check},
	{"leak_check", "0", "0 or 1",
		"At exit, look for leaks and have mstat tell them; check is full then, if it is not said.",
		set_leak_check},
	{"leak_suppressions", "none", "a path, or none",
		"A file of leaks that are known, in LeakSanitizer's syntax, for leak_check.",
		set_leak_suppressions},
	{"near_limit", "90", "a percentage, 1 to 100; 0 or off",
		"How much of its memory limit is in use when a process takes a snapshot of its books and "
		"returns idle memory.", set_near_limit},
	{"limit", "none", "bytes, as 512m or 2g; auto, or none",
		"Below so much the heap is to stay; auto: the limit of the control group or of the process.",
		set_limit},
	{"exit_report", "0", "0 or 1", "Print a short report on stderr at exit.", set_exit_report},
	{NULL, NULL, NULL, NULL, NULL}};

void conf_init(struct conf *conf)
{
	*conf = (struct conf){.box = true, .signal_number = SIGUSR2, .stop_signal = STOP_SIGNAL,
		.sample_bytes = CONF_SAMPLE_BYTES, .near_limit_percent = CONF_NEAR_LIMIT_PERCENT,
		.check_every = CONF_CHECK_EVERY, .check_slots = CONF_CHECK_SLOTS, .tiny = true,
		.check_sizes = true, .exit_check = true};
}

static const char *conf_set(struct conf *conf, const char *part, size_t bytes)
{
	const char *colon = memchr(part, ':', bytes);

	if (colon == NULL)
		return "no colon";
	size_t name_bytes = (size_t)(colon - part);
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++)
		if (text_is(part, name_bytes, key->name))
			return key->set(conf, colon + 1, bytes - name_bytes - 1) ? NULL : "bad value";
	return "unknown key";
}

void conf_parse(struct conf *conf, const char *text, conf_complain_fn *complain, void *arg)
{
	while (*text != '\0') {
		size_t bytes = strcspn(text, ",");
		const char *why = bytes > 0 ? conf_set(conf, text, bytes) : NULL;
		if (why != NULL && complain != NULL)
			complain(arg, text, bytes, why);
		text += bytes;
		text += *text == ',';
	}
}
