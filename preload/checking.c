#include "preload/checking.h"

#include <stdint.h>
#include <string.h>

#include "base/config.h"
#include "check/check.h"
#include "check/sampled.h"
#include "heap/cache.h"
#include "preload/fault.h"

static void refuse(conf_complain_fn *complain, const char *part, const char *why)
{
	complain(NULL, part, strlen(part), why);
}

/* Why check:sample cannot be had; NULL. */
static const char *sample_lacks(const struct conf *conf)
{
	if (!CONFIG_BOOKS)
		return "built without samples";
	return conf->sample_bytes == 0 ? "no samples with sample:0" : NULL;
}

static bool has_sample(const struct conf *conf, conf_complain_fn *complain)
{
	const char *lacks = sample_lacks(conf);

	if (conf->check != CONF_CHECK_SAMPLE || conf->efence)
		return false;
	if (lacks != NULL)
		refuse(complain, "check:sample", lacks);
	return lacks == NULL;
}

/* BOX_CHECK_FULL, BOX_CHECK_EFENCE or BOX_CHECK_NONE. */
static enum box_check_mode mode_of_all(const struct conf *conf, conf_complain_fn *complain)
{
	static const char *const parts[] = {[CONF_CHECK_FULL] = "check:full",
		[CONF_CHECK_SAMPLE] = "check:sample"};
	const char *part = conf->efence ? "efence:1" : "check:full";

	if (conf->check != CONF_CHECK_FULL && !conf->efence)
		return BOX_CHECK_NONE;
	if (conf->check != CONF_CHECK_NONE && conf->efence)
		refuse(complain, parts[conf->check], "not with efence:1");
	/* Who allocates now would not know of it. */
	if (cache_live_count() > 1) {
		refuse(complain, part, "threads before the start");
		return BOX_CHECK_NONE;
	}
	return conf->efence ? BOX_CHECK_EFENCE : BOX_CHECK_FULL;
}

static void settings_look(const struct conf *conf, enum box_check_mode mode,
	conf_complain_fn *complain)
{
	if (conf->zero && mode != BOX_CHECK_FULL)
		refuse(complain, "zero:1", "needs check:full");
	if (conf->check_every != CONF_CHECK_EVERY && mode != BOX_CHECK_SAMPLE)
		refuse(complain, "check_every", "needs check:sample");
	if (conf->check_slots != CONF_CHECK_SLOTS && mode != BOX_CHECK_SAMPLE)
		refuse(complain, "check_slots", "needs check:sample");
}

void checking_begin(const struct conf *conf, conf_complain_fn *complain)
{
	uintptr_t own_pc = (uintptr_t)checking_begin;
	enum box_check_mode mode = mode_of_all(conf, complain);

	if (mode != BOX_CHECK_NONE) {
		check_start(own_pc, mode, conf->zero);
	} else if (has_sample(conf, complain)) {
		sampled_start(own_pc, conf->check_every, conf->check_slots);
		mode = BOX_CHECK_SAMPLE;
	}
	settings_look(conf, mode, complain);
	if (mode != BOX_CHECK_NONE)
		fault_watch();
}
