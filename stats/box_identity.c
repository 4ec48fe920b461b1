#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/os.h"
#include "include/mstat.h"
#include "stats/box.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef PIDFD_GET_PID_NAMESPACE
#define PIDFD_GET_PID_NAMESPACE _IO(0xFF, 6)
#endif

static struct box_identity identity;

struct box_identity *box_identity(void)
{
	return &identity;
}

/* Field 22 of /proc/self/stat, counted behind the name, which may hold blanks. */
static uint64_t start_ticks(void)
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

uint64_t box_start_ticks(void)
{
	return identity.start_ticks != 0 ? identity.start_ticks : start_ticks();
}

static uint64_t inode_of(int fd)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/*
 * The inode of a pidfd is the process's own, and stays so over exec.  Kernels
 * that tell the namespace by a pidfd (6.11) have one for each process (6.9).
 * Half of what /proc would take, which makes and drops a folder of files for
 * each process that somebody looks at.
 */
static bool name_by_pidfd(void)
{
	int self = (int)syscall(SYS_pidfd_open, (pid_t)identity.pid, 0);
	int namespace = self >= 0 ? ioctl(self, PIDFD_GET_PID_NAMESPACE, 0) : -1;

	identity.pid_namespace = inode_of(namespace);
	identity.pid_inode = identity.pid_namespace != 0 ? inode_of(self) : 0;
	close_if_open(namespace);
	close_if_open(self);
	return identity.pid_inode != 0;
}

static void name_by_proc(void)
{
	struct stat status;

	if (stat("/proc/self/ns/pid", &status) == 0)
		identity.pid_namespace = status.st_ino;
	identity.start_ticks = start_ticks();
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
	identity.start_ticks = 0;
	identity.start_realtime_ns = os_realtime_ns();
	if (!name_by_pidfd())
		name_by_proc();
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
