/*
 * corners.c - a program that does with its objects what is right and rare, or what is wrong and
 * hard to blame on anybody.
 *
 * usage: corners KIND [ARGUMENT...]    corners.sh asserts what each of them is said of
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 4, LARGE = 200000, FILLED = 60000, BATCH = 50 };

void free_aligned_sized_here(void *ptr, size_t alignment, size_t bytes)
	__asm__("free_aligned_sized") __attribute__((weak));

static char *volatile hidden;

static void overrun(char *object, size_t at)
{
	hidden = object;
	hidden[at] = 'x';
	free(hidden);
}

static void no_bytes(char **arguments)
{
	(void)arguments;
	hidden = malloc(0);
	printf("usable: %zu\n", malloc_usable_size(hidden));
	overrun(hidden, 0);
}

/* ---- what the program closes itself ---------------------------------------------------------- */

static volatile int faults;

static void open_page(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	faults++;
	mprotect((void *)((uintptr_t)info->si_addr / PAGE * PAGE), PAGE, PROT_READ | PROT_WRITE);
}

static void own_pages(char **arguments)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO, .sa_sigaction = open_page};

	(void)arguments;
	sigaction(SIGSEGV, &action, NULL);
	hidden = memalign(PAGE, PAGES * PAGE);
	mprotect(hidden, PAGES * PAGE, PROT_READ);
	for (int page = 0; page < PAGES; page++)
		((volatile char *)hidden)[page * PAGE + 7] = 1;
	printf("%d faults\n", faults);
	free(hidden);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void *resize(void *arg)
{
	size_t *bytes = arg;

	printf("thread %ld\n", syscall(SYS_gettid));
	hidden = realloc(hidden, *bytes);
	return NULL;
}

/* Where it is, by another thread. */
static void resized_elsewhere(char **arguments)
{
	size_t bytes = strtoul(arguments[0], NULL, 0) + 1;
	pthread_t thread;

	hidden = malloc(bytes - 1);
	pthread_create(&thread, NULL, resize, &bytes);
	pthread_join(thread, NULL);
	overrun(hidden, bytes);
}

static pthread_key_t key;
static int rounds;

/* In the last round the library's own destructor was there already. */
static void say_farewell(void *arg)
{
	if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		pthread_setspecific(key, arg);
		return;
	}
	printf("thread %ld\n", syscall(SYS_gettid));
	hidden = malloc(40);
	free(hidden);
}

static void *live(void *arg)
{
	free(malloc(10));
	pthread_setspecific(key, arg);
	return NULL;
}

static void freed_last(char **arguments)
{
	pthread_t thread;

	pthread_key_create(&key, say_farewell);
	pthread_create(&thread, NULL, live, arguments);
	pthread_join(thread, NULL);
	free(hidden);
}

enum { FAULTERS = 8 };

static pthread_barrier_t barrier;
static __thread sigjmp_buf out;

static void jump_out(int number)
{
	siglongjmp(out, number);
}

static void *touch(void *arg)
{
	char *volatile object = malloc(LARGE);

	free(object);
	pthread_barrier_wait(&barrier);
	if (sigsetjmp(out, 1) == 0)
		object[0] = 1;
	return arg;
}

static void all_at_once(char **arguments)
{
	pthread_t threads[FAULTERS];

	(void)arguments;
	signal(SIGSEGV, jump_out);
	pthread_barrier_init(&barrier, NULL, FAULTERS);
	for (int i = 0; i < FAULTERS; i++)
		pthread_create(&threads[i], NULL, touch, NULL);
	for (int i = 0; i < FAULTERS; i++)
		pthread_join(threads[i], NULL);
}

/* ---- processes ------------------------------------------------------------------------------- */

static _Noreturn void child(void)
{
	char *volatile object = malloc(FILLED), *others[BATCH];

	memset(object, 'A', FILLED);
	for (int i = 0; i < 6 * BATCH; i++)
		free(malloc(LARGE));
	for (int i = 0; i < BATCH; i++) {
		others[i] = malloc(FILLED);
		memset(others[i], 'B', FILLED);
	}
	for (int i = 0; i < FILLED; i++)
		if (object[i] != 'A')
			_exit(1);
	free(object);
	for (int i = 0; i < BATCH; i++)
		free(others[i]);
	_exit(0);
}

static volatile int is_done;

static void *allocate(void *arg)
{
	unsigned depth = 0;

	while (!is_done) {
		char *volatile objects[16];
		for (size_t i = 0; i < 16; i++)
			objects[i] = malloc((i + depth) % 16 == 0 ? FILLED : 100 + i);
		for (int i = 0; i < 16; i++)
			free(objects[i]);
		depth++;
	}
	return arg;
}

/* Of a process whose other thread is amid an allocation, and with no fork handler. */
static void bare_children(char **arguments)
{
	int count = atoi(arguments[0]), status, failed = 0;
	char *first = malloc(FILLED), *second = malloc(FILLED);
	pthread_t thread;

	free(first);
	free(second);
	pthread_create(&thread, NULL, allocate, NULL);
	for (int i = 0; i < count; i++) {
		pid_t pid = _Fork();
		if (pid == 0) {
			alarm(60);
			child();
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			failed++;
	}
	is_done = 1;
	pthread_join(thread, NULL);
	printf("%d children failed\n", failed);
}

/* What waited is free again where there is no other memory. */
static void little_memory(char **arguments)
{
	size_t before = 0, count = 0;
	struct rlimit limit = {.rlim_cur = strtoul(arguments[0], NULL, 0), .rlim_max = RLIM_INFINITY};

	setrlimit(RLIMIT_AS, &limit);
	for (int i = 0; i < 8; i++) {
		hidden = malloc(50 << 20);
		before += hidden != NULL;
		free(hidden);
	}
	size_t bytes = strtoul(arguments[1], NULL, 0);
	while (malloc(bytes) != NULL)
		count++;
	printf("%zu, and then %s\n", before, count * bytes >= limit.rlim_cur / 2 ? "most of it" : "little");
}

/* ---- libraries ------------------------------------------------------------------------------- */

/* Two libraries, one after the other and at the same addresses. */
static void another_library(char **arguments)
{
	char *(*made_early)(void);

	for (int i = 0; i < 2; i++) {
		void *library = dlopen(arguments[i], RTLD_NOW);
		if (library == NULL) {
			puts(dlerror());
			exit(1);
		}
		*(void **)&made_early = dlsym(library, "made_early");
		printf("%p\n", *(void **)&made_early);
		hidden = made_early();
		if (i == 0)
			dlclose(library);
	}
	overrun(hidden, 100);
}

/* 4096 bytes aligned to 2048, and said to be aligned to 4096. */
static void large_alignment(char **arguments)
{
	size_t asked = strtoul(arguments[0], NULL, 0), said = strtoul(arguments[1], NULL, 0);

	do
		hidden = aligned_alloc(asked, PAGE);
	while ((uintptr_t)hidden % said != 0);
	free_aligned_sized_here(hidden, said, PAGE);
}

static const struct kind {
	const char *name;
	void (*run)(char **arguments);
	int arguments;
} kinds[] = {{"no_bytes", no_bytes, 0}, {"own_pages", own_pages, 0},
	{"resized_elsewhere", resized_elsewhere, 1}, {"freed_last", freed_last, 0},
	{"all_at_once", all_at_once, 0}, {"bare_children", bare_children, 1},
	{"little_memory", little_memory, 2}, {"another_library", another_library, 2},
	{"large_alignment", large_alignment, 2}};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[1], kinds[i].name) == 0 && argc - 2 == kinds[i].arguments) {
			kinds[i].run(argv + 2);
			return 0;
		}
	return 2;
}
