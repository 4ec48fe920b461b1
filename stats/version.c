#include "base/compiler.h"
#include "include/mstat.h"

EXPORT const char *mstat_version(void)
{
	return PACKAGE_VERSION;
}
