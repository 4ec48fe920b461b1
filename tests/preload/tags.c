/*
 * tags.c - mstat_tag_push() and its kin, under the real library.
 *
 * Proves: what four threads allocate at random in scopes of which all is counted, by every
 * kind of call, within each other, freed and resized by any thread, is counted to the object
 * and to the byte; so is what a thread leaves behind that ended in a scope, and what a child
 * of fork does in its parent's, and what is collected; names that are none, and pops without pushes, are refused and
 * change nothing.
 *
 *     tags             the tests
 *     tags all         the same where MSTAT_CONF=tags:all
 *     tags keep        allocates, says what is alive by tags, waits for the end of its input
 *     tags sampled     the same in scopes that are sampled
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/mstat.h"
#include "tests/preload/tap.h"

#pragma weak mstat_tag_push
#pragma weak mstat_tag_push_all
#pragma weak mstat_tag_pop
#pragma weak mstat_alloc
#pragma weak mstat_dump
#pragma weak mstat_collect
#pragma weak mstat_finalizer_set

void *_Znwm(size_t bytes) __attribute__((weak));
void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment) __attribute__((weak));
void _ZdlPv(void *ptr) __attribute__((weak));

enum { THREADS = 4, STEPS = 20000, SLOTS = 2000, TAGS = 5, DEPTH_MOST = 6, KINDS = 16 };

/* ---- what the library says ----------------------------------------------------------------- */

struct told {
	unsigned long long scopes, allocated, allocated_bytes, freed, freed_bytes, missed;
};

static struct told told_of(const char *name)
{
	static char text[8 << 20];
	char key[80];
	struct told told = {0};
	int fd = memfd_create("dump", MFD_CLOEXEC);

	mstat_dump(fd, "json");
	ssize_t bytes = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	text[bytes > 0 ? bytes : 0] = '\0';
	snprintf(key, sizeof(key), "{\"name\":\"%s\",\"counts\":[", name);
	const char *at = strstr(text, key);
	if (at != NULL)
		sscanf(at + strlen(key), "%llu,%llu,%llu,%llu,%llu,%llu", &told.scopes, &told.allocated,
			&told.allocated_bytes, &told.freed, &told.freed_bytes, &told.missed);
	return told;
}

static void is_told(const char *name, long long objects, long long bytes, const char *when)
{
	struct told told = told_of(name);
	char text[120];

	snprintf(text, sizeof(text), "%s: live objects of %s", when, name);
	tap_is(objects, (long long)(told.allocated - told.freed), text);
	snprintf(text, sizeof(text), "%s: live bytes of %s", when, name);
	tap_is(bytes, (long long)(told.allocated_bytes - told.freed_bytes), text);
}

/* ---- by hand ------------------------------------------------------------------------------- */

static void test_refusals(void)
{
	char name[64];

	errno = 77;
	tap_is(EINVAL, mstat_tag_pop(), "a pop without a push");
	tap_is(EINVAL, mstat_tag_push(NULL), "no name");
	tap_is(EINVAL, mstat_tag_push(""), "an empty name");
	tap_is(EINVAL, mstat_tag_push_all("a\nb"), "a name with a line's end");
	tap_is(EINVAL, mstat_tag_push("\x7f"), "a name with a control character");
	memset(name, 'x', sizeof(name));
	name[48] = '\0';
	tap_is(EINVAL, mstat_tag_push(name), "a name of 48 bytes");
	name[47] = '\0';
	tap_is(0, mstat_tag_push(name), "a name of 47");
	tap_is(0, mstat_tag_pop(), "its pop");
	tap_is(EINVAL, mstat_tag_pop(), "and one more");
	tap_is(77, errno, "errno is left alone");
}

static void test_bounds(void)
{
	char name[32];
	int depth = 0, names = 0, error;

	while ((error = mstat_tag_push("deep")) == 0)
		depth++;
	tap_is(ENOSPC, error, "scopes end somewhere");
	tap_is(64, depth, "at a depth of 64");
	while (mstat_tag_pop() == 0)
		depth--;
	tap_is(0, depth, "as many pops");
	do {
		snprintf(name, sizeof(name), "name %d", names++);
		error = mstat_tag_push(name);
		if (error == 0)
			mstat_tag_pop();
	} while (error == 0);
	tap_is(ENOSPC, error, "names end somewhere");
	tap_ok(names > 1000 && names <= 1025, "after a thousand: %d", names);
	tap_is(0, mstat_tag_push("deep"), "one that is known may still come");
	mstat_tag_pop();
}

static void test_life_of_an_object(void)
{
	mstat_tag_push_all("life");
	char *a = malloc(100);
	char *volatile b = malloc(1000);
	size_t bytes = malloc_usable_size(a) + malloc_usable_size(b);
	is_told("life", 2, (long long)bytes, "after two allocations");
	a = realloc(a, 90);
	b = realloc(b, 100000);
	bytes = malloc_usable_size(a) + malloc_usable_size(b);
	is_told("life", 2, (long long)bytes, "after they were resized");
	mstat_tag_push_all("within");
	b = realloc(b, 400000);
	is_told("life", 1, (long long)malloc_usable_size(a), "when another scope resizes one");
	is_told("within", 1, (long long)malloc_usable_size(b), "there");
	char *volatile c = malloc(10);
	mstat_tag_pop();
	mstat_tag_pop();
	char *volatile d = malloc(10); /* of nobody */
	a = realloc(a, 95);
	is_told("life", 0, 0, "resized in none");
	free(b);
	is_told("within", 1, (long long)malloc_usable_size(c), "freed");
	free(c);
	is_told("within", 0, 0, "all freed");
	mstat_tag_push_all("life");
	d = realloc(d, 20);
	is_told("life", 1, (long long)malloc_usable_size(d), "resized in a scope, untagged before");
	mstat_tag_push("inner"); /* of all, since it is within */
	free(a);
	a = malloc(3);
	is_told("inner", 1, (long long)malloc_usable_size(a), "a scope within one of all");
	mstat_tag_pop();
	mstat_tag_pop();
	free(a);
	free(d);
	is_told("inner", 0, 0, "all freed");
	is_told("life", 0, 0, "all freed");
}

/* Objects that share a block, made in no scope and resized in one. */
static void test_what_was_combined(void)
{
	enum { OBJECTS = 100 };
	char *objects[OBJECTS];
	long long bytes = 0;
	int wrong = 0;

	for (int i = 0; i < OBJECTS; i++) {
		objects[i] = mstat_alloc(1 + (size_t)i % 15, MSTAT_NOSCAN);
		memset(objects[i], i, 1 + (size_t)i % 15);
	}
	mstat_tag_push_all("combined");
	for (int i = 0; i < OBJECTS; i++)
		objects[i] = realloc(objects[i], 1 + (size_t)i % 15);
	mstat_tag_pop();
	for (int i = 0; i < OBJECTS; i++) {
		bytes += (long long)malloc_usable_size(objects[i]);
		for (int at = 0; at < 1 + i % 15; at++)
			wrong += objects[i][at] != i;
	}
	is_told("combined", OBJECTS, bytes, "resized in a scope");
	tap_is(0, wrong, "with what was in them");
	for (int i = 0; i < OBJECTS; i++)
		free(objects[i]);
	is_told("combined", 0, 0, "all freed");
}

static void *end_in_scope(void *arg)
{
	void **objects = arg;

	mstat_tag_push_all("ended");
	mstat_tag_push_all("ended");
	objects[0] = malloc(50);
	objects[1] = mstat_alloc(3, MSTAT_NOSCAN);
	objects[2] = malloc(1 << 20);
	return NULL;
}

static void test_a_thread_that_ends_in_a_scope(void)
{
	void *objects[3];
	pthread_t thread;

	pthread_create(&thread, NULL, end_in_scope, objects);
	pthread_join(thread, NULL);
	long long bytes = 0;
	for (int i = 0; i < 3; i++)
		bytes += (long long)malloc_usable_size(objects[i]);
	is_told("ended", 3, bytes, "a thread ended in its scope");
	void *volatile other = malloc(10);
	is_told("ended", 3, bytes, "another thread is in none");
	for (int i = 0; i < 3; i++)
		free(objects[i]);
	free(other);
	is_told("ended", 0, 0, "others freed what it left");
}

static int child_looks(void *before)
{
	void *volatile now = malloc(200);
	struct told told = told_of("forked");

	if (told.allocated - told.freed != 2)
		return 1;
	free(before);
	free(now);
	told = told_of("forked");
	if (told.allocated != told.freed || told.allocated_bytes != told.freed_bytes)
		return 2;
	return mstat_tag_pop() == 0 && mstat_tag_pop() == EINVAL ? 0 : 3;
}

static void test_fork(const char *name, pid_t (*make)(void))
{
	int status = -1;

	mstat_tag_push_all("forked");
	void *volatile before = malloc(100);
	pid_t child = make();
	if (child == 0)
		_exit(child_looks(before));
	waitpid(child, &status, 0);
	tap_is(0, status, name);
	is_told("forked", 1, (long long)malloc_usable_size(before), name);
	mstat_tag_pop();
	free(before);
}

static int finalized;

static void finalize(void *ptr, void *arg)
{
	(void)ptr;
	(void)arg;
	finalized++;
}

static __attribute__((noinline)) void lose(void)
{
	for (int i = 0; i < 1000; i++) {
		char *volatile lost = mstat_alloc(1 + (size_t)i, MSTAT_COLLECTABLE | (i % 2 == 0 ? MSTAT_NOSCAN : 0));
		if (i % 10 == 9)
			mstat_finalizer_set(lost, finalize, NULL);
		lost = NULL;
	}
}

static __attribute__((noinline)) void stack_clear(void)
{
	volatile char room[16384];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0;
}

/* What has a finalizer is finalized by the first, and counts until the second. */
static void test_what_is_collected(void)
{
	mstat_tag_push_all("collected");
	lose();
	mstat_tag_pop();
	stack_clear();
	struct told before = told_of("collected");
	tap_is(1000, (long long)before.allocated, "collectable objects are counted");
	long first = mstat_collect();
	struct told told = told_of("collected");
	tap_is(first - finalized, (long long)told.freed, "what is collected was freed");
	tap_ok(finalized > 90, "what is finalized is not: %d", finalized);
	stack_clear();
	long second = mstat_collect();
	told = told_of("collected");
	tap_is(first - finalized + second, (long long)told.freed, "but the next time");
	tap_ok(told.freed >= 990 && told.freed <= told.allocated, "nearly all: %llu", told.freed);
}

/* ---- at random ----------------------------------------------------------------------------- */

struct object {
	void *ptr;
	int tag;      /* 0: none */
	size_t bytes;
};

static const char *const names[TAGS] = {"", "one", "two", "three", "four"};

static struct object slots[SLOTS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static long long live_objects[TAGS], live_bytes[TAGS];

struct worker {
	uint64_t random;
	int scopes[DEPTH_MOST]; /* their tags */
	bool of_all[DEPTH_MOST];
	int depth;
	bool is_ok;
};

static uint64_t draw(struct worker *worker, uint64_t below)
{
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 7;
	worker->random ^= worker->random << 17;
	return worker->random % below;
}

static bool all_are_counted; /* MSTAT_CONF=tags:all */

static int tag_now(const struct worker *worker)
{
	bool of_all = all_are_counted && worker->depth > 0;

	for (int i = 0; i < worker->depth; i++)
		of_all = of_all || worker->of_all[i];
	return of_all ? worker->scopes[worker->depth - 1] : 0;
}

static void scope_change(struct worker *worker)
{
	if (worker->depth > 0 && draw(worker, 2) == 0) {
		worker->is_ok &= mstat_tag_pop() == 0;
		worker->depth--;
	} else if (worker->depth < DEPTH_MOST) {
		int tag = 1 + (int)draw(worker, TAGS - 1);
		bool of_all = draw(worker, 2) == 0;
		worker->is_ok &= (of_all ? mstat_tag_push_all : mstat_tag_push)(names[tag]) == 0;
		worker->scopes[worker->depth] = tag;
		worker->of_all[worker->depth++] = of_all;
	}
}

static size_t draw_bytes(struct worker *worker)
{
	if (draw(worker, 200) == 0)
		return draw(worker, 3 << 20);
	return 1 + draw(worker, draw(worker, 8) == 0 ? 60000 : 300);
}

static void *allocate(struct worker *worker)
{
	size_t bytes = draw_bytes(worker);
	void *ptr = NULL;
	char *text = NULL;

	switch (draw(worker, KINDS)) {
	case 0: return calloc(1, bytes);
	case 1: return realloc(NULL, bytes);
	case 2: return memalign(64, bytes);
	case 3: return aligned_alloc(4096, bytes);
	case 4: return posix_memalign(&ptr, 256, bytes) == 0 ? ptr : NULL;
	case 5: return _Znwm(bytes);
	case 6: return _ZnwmSt11align_val_t(bytes, 32);
	case 7: return strdup("some text that is long enough for a class");
	case 8: return asprintf(&text, "%zu and more", bytes) > 0 ? text : NULL;
	case 9: return mstat_alloc(1 + bytes % 15, MSTAT_NOSCAN);
	case 10: return mstat_alloc(bytes, MSTAT_NOSCAN);
	case 11: return mstat_alloc(1 + bytes % 15, MSTAT_NOSCAN | MSTAT_COLLECTABLE);
	case 12: return mstat_alloc(bytes, MSTAT_COLLECTABLE);
	case 13: return mstat_alloc(bytes, MSTAT_COLLECTABLE | MSTAT_NOSCAN);
	default: return malloc(bytes);
	}
}

static void count(const struct object *object, int sign)
{
	__atomic_fetch_add(&live_objects[object->tag], sign, __ATOMIC_RELAXED);
	__atomic_fetch_add(&live_bytes[object->tag], sign * (long long)object->bytes, __ATOMIC_RELAXED);
}

static void object_end(struct worker *worker, struct object *object)
{
	count(object, -1);
	switch (draw(worker, 4)) {
	case 0: _ZdlPv(object->ptr); break;
	case 1: object->ptr = realloc(object->ptr, 0); break;
	default: free(object->ptr);
	}
	object->ptr = NULL;
}

static void object_change(struct worker *worker, struct object *object)
{
	size_t bytes = draw(worker, 3) == 0 ? object->bytes + 1 + draw(worker, 64) : draw_bytes(worker);
	void *ptr = realloc(object->ptr, bytes != 0 ? bytes : 1);

	if (ptr == NULL)
		return;
	count(object, -1);
	*object = (struct object){.ptr = ptr, .tag = tag_now(worker), .bytes = malloc_usable_size(ptr)};
	count(object, 1);
}

/* What was there is taken out, by whoever made it. */
static struct object exchange(struct worker *worker, struct object object)
{
	size_t at = draw(worker, SLOTS);

	pthread_mutex_lock(&slots_lock);
	struct object before = slots[at];
	slots[at] = object;
	pthread_mutex_unlock(&slots_lock);
	return before;
}

static void step(struct worker *worker)
{
	if (draw(worker, 10) == 0)
		scope_change(worker);
	struct object object = {.ptr = allocate(worker), .tag = tag_now(worker)};
	worker->is_ok &= object.ptr != NULL;
	object.bytes = malloc_usable_size(object.ptr);
	count(&object, 1);
	object = exchange(worker, object);
	if (object.ptr != NULL && draw(worker, 3) == 0) {
		object_change(worker, &object);
		object = exchange(worker, object);
	}
	if (object.ptr != NULL)
		object_end(worker, &object);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < STEPS; i++)
		step(worker);
	return NULL; /* in whatever scopes it is */
}

static void is_as_counted(const char *when)
{
	for (int tag = 1; tag < TAGS; tag++)
		is_told(names[tag], live_objects[tag], live_bytes[tag], when);
}

static void test_at_random(void)
{
	static struct worker workers[THREADS];
	struct worker last = {.random = 99};
	pthread_t threads[THREADS];
	bool is_ok = true;

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.random = 12345 + (uint64_t)i * 7919, .is_ok = true};
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		is_ok = is_ok && workers[i].is_ok;
	}
	tap_ok(is_ok, "each call did what it is for");
	is_as_counted("after four threads");
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].ptr != NULL)
			object_end(&last, &slots[i]);
	is_as_counted("all freed");
	for (int tag = 1; tag < TAGS; tag++)
		tap_is(0, (long long)told_of(names[tag]).missed, "none was missed");
}

/* ---- for readers outside ------------------------------------------------------------------- */

/* Slowly: of what comes at once fewer samples are taken. */
static __attribute__((noinline)) void fill(size_t count, size_t bytes)
{
	for (size_t i = 0; i < count; i++) {
		((char *volatile)malloc(bytes))[0] = 1;
		if (i % 16 == 0)
			usleep(1000);
	}
}

static int keep(int (*push)(const char *))
{
	char text[128];
	char *volatile tiny = NULL;

	push("parser");
	fill(1000, 5000);
	tiny = malloc(20);
	push("cache \"x\"");
	fill(3000, 1000);
	mstat_tag_pop();
	free(tiny);
	mstat_tag_pop();
	fill(2000, 2000);
	int bytes = snprintf(text, sizeof(text), "%zu %zu\n", 1000 * malloc_usable_size(malloc(5000)),
		3000 * malloc_usable_size(malloc(1000)));
	if (write(STDOUT_FILENO, text, (size_t)bytes) != bytes)
		return 1;
	return read(STDIN_FILENO, text, 1) < 0;
}

int main(int argc, char **argv)
{
	all_are_counted = argc > 1 && strcmp(argv[1], "all") == 0;
	if (argc > 1 && !all_are_counted)
		return keep(strcmp(argv[1], "keep") == 0 ? mstat_tag_push_all : mstat_tag_push);
	tap_begin();
	test_refusals();
	test_life_of_an_object();
	test_what_was_combined();
	test_a_thread_that_ends_in_a_scope();
	test_fork("fork in a scope", fork);
	test_fork("a fork that nobody prepared", _Fork);
	test_what_is_collected();
	test_at_random();
	test_bounds();
	return tap_done();
}
