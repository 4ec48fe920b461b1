#include "tools/target_symbols.h"

#include <stdio.h>
#include <unistd.h>

/* The files of a living process are as it sees them: it may be in a container. */
struct symbols *target_symbols(const struct target *target, bool use_debuginfod)
{
	struct symbols_settings settings = {.use_debuginfod = use_debuginfod};
	char root[64], perf_map[128];

	if (target->kind != TARGET_BOX || target->life != LIFE_LIVE)
		return symbols_open(&target->sites, &settings);
	snprintf(root, sizeof(root), "/proc/%d/root", (int)target->process.pid);
	if (access(root, X_OK) != 0)
		root[0] = '\0';
	snprintf(perf_map, sizeof(perf_map), "%s/tmp/perf-%lld.map", root,
		(long long)target->books.pid);
	settings.perf_map = perf_map;
	settings.root = root[0] != '\0' ? root : NULL;
	return symbols_open(&target->sites, &settings);
}
