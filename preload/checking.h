/*
 * preload/checking.h - which checks the process has, of those that MSTAT_CONF asks for.
 *
 * WHY        Some cannot be had together, or not in this process.  Each that is not to be had
 *            is complained about, and the process goes without it.
 */
#ifndef PRELOAD_CHECKING_H
#define PRELOAD_CHECKING_H

#include "stats/conf.h"

/* Before the process has a second thread.  `complain`: as conf_parse() does. */
void checking_begin(const struct conf *conf, conf_complain_fn *complain);

#endif
