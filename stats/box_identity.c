#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/os.h"
#include "include/mstat.h"
#include "stats/box.h"

static struct box_identity identity;

struct box_identity *box_identity(void)
{
	return &identity;
}

/* Field 22 of /proc/self/stat, counted behind the name, which may hold blanks. */
uint64_t box_start_ticks(void)
{
	char text[1024];
	ssize_t bytes = os_read_file("/proc/self/stat", text, sizeof(text) - 1);

	if (bytes <= 0)
		return 0;
	text[bytes] = '\0';
	const char *at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}

/* The path that was executed, from the root, if it is that of the program: an
   interpreter is handed its script's among the arguments. */
static const char *path_executed(int argc, char **argv)
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	if (path == NULL || path[0] != '/' || strncmp(path, "/dev/fd/", 8) == 0 ||
		strncmp(path, "/proc/", 6) == 0)
		return NULL;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], path) == 0)
			return NULL;
	return path;
}

static void copy_exe(int argc, char **argv)
{
	const char *path = argc > 0 ? path_executed(argc, argv) : NULL;
	ssize_t bytes;

	if (path != NULL) {
		bytes = (ssize_t)strnlen(path, sizeof(identity.exe) - 1);
		memcpy(identity.exe, path, (size_t)bytes);
	} else {
		bytes = readlink("/proc/self/exe", identity.exe, sizeof(identity.exe) - 1);
	}
	identity.exe[bytes > 0 ? bytes : 0] = '\0';
}

/* As the kernel would: the arguments with their terminators, cut at the end. */
static void copy_arguments(int argc, char **argv)
{
	size_t used = 0, room = sizeof(identity.cmdline);

	for (int i = 0; i < argc && used < room; i++) {
		size_t bytes = strlen(argv[i]) + 1;
		if (bytes > room - used)
			bytes = room - used;
		memcpy(identity.cmdline + used, argv[i], bytes);
		used += bytes;
	}
	identity.cmdline_bytes = used;
}

static void read_arguments(void)
{
	ssize_t bytes = os_read_file("/proc/self/cmdline", identity.cmdline, sizeof(identity.cmdline));

	identity.cmdline_bytes = bytes > 0 ? (uint64_t)bytes : 0;
}

void box_identify(int argc, char **argv)
{
	identity.pid = os_process_id();
	identity.uid = geteuid();
	identity.made_boottime_ns = os_boottime_ns();
	identity.start_realtime_ns = os_realtime_ns();
	strncpy(identity.library_version, mstat_version(), sizeof(identity.library_version) - 1);
	copy_exe(argc, argv);
	if (argc > 0)
		copy_arguments(argc, argv);
	else
		read_arguments();
}

void box_identify_boot(void)
{
	ssize_t bytes = os_read_file("/proc/sys/kernel/random/boot_id", identity.boot_id,
		sizeof(identity.boot_id) - 1);

	if (bytes > 0 && identity.boot_id[bytes - 1] == '\n')
		identity.boot_id[bytes - 1] = '\0';
}
