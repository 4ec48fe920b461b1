/*
 * enduring.c - a program with very many objects, and nothing wrong with them.
 *
 * usage: enduring cycle COUNT BYTES    makes and frees one after another
 *        enduring live COUNT BYTES     has all of them at once, and looks at what stands in them
 *        enduring old MODE COUNT BYTES the same, on a kernel that cannot mark pages as guards
 *
 * Says how many of their addresses were handed out twice.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MARK_ADVICE = 102, COUNT_MAX = 1 << 20 };

static uintptr_t addresses[COUNT_MAX];
static char *volatile objects[COUNT_MAX];

/* madvise(2) does not know MADV_GUARD_INSTALL. */
static void become_old(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK_ADVICE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
		printf("cannot be done: %s\n", strerror(errno));
		exit(77);
	}
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return (x > y) - (x < y);
}

static size_t twice_count(size_t count)
{
	size_t twice = 0;

	qsort(addresses, count, sizeof(addresses[0]), by_address);
	for (size_t i = 1; i < count; i++)
		twice += addresses[i] == addresses[i - 1];
	return twice;
}

static char *make(size_t number, size_t bytes)
{
	char *object = malloc(bytes);

	if (object == NULL) {
		printf("no memory for object %zu\n", number);
		exit(1);
	}
	memset(object, (int)(number % 251), bytes);
	addresses[number] = (uintptr_t)object;
	return object;
}

static void cycle(size_t count, size_t bytes)
{
	for (size_t i = 0; i < count; i++) {
		objects[0] = make(i, bytes);
		free(objects[0]);
	}
}

static void live(size_t count, size_t bytes)
{
	for (size_t i = 0; i < count; i++)
		objects[i] = make(i, bytes);
	/* Others still can map. */
	void *mapped = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapped == MAP_FAILED || dlopen("libm.so.6", RTLD_NOW) == NULL) {
		puts("nothing can be mapped any more");
		exit(1);
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < bytes; at++)
			if (objects[i][at] != (char)(i % 251)) {
				printf("byte %zu of object %zu was not kept\n", at, i);
				exit(1);
			}
		free(objects[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "old") == 0) {
		become_old();
		execv("/proc/self/exe", argv + 1);
		return 1;
	}
	size_t count = argc == 4 ? strtoul(argv[2], NULL, 0) : 0, bytes = argc == 4 ? strtoul(argv[3], NULL, 0) : 0;
	if (count == 0 || count > COUNT_MAX || bytes == 0)
		return 2;
	if (strcmp(argv[1], "live") == 0)
		live(count, bytes);
	else
		cycle(count, bytes);
	printf("%zu objects, %zu addresses twice\n", count, twice_count(count));
	return 0;
}
