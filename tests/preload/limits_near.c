/*
 * limits_near.c - a program that nears a memory limit, for limits_near.sh.
 *
 *     limits_near STEP...       one after the other:
 *         grow:MIB       object_make() until so much is live
 *         forever        until it is killed, or refused memory: then it aborts
 *         keep:PERCENT   frees the others, at random
 *         wave:BYTES     24 MiB of objects of so many bytes and up to twice as many, of which
 *                        a tenth is kept
 *         as:MIB         RLIMIT_AS is so much above what is mapped; data:MIB the same
 *         write:FILE=TEXT  as a limit of its control group
 *         idle:MS        allocates and frees a little until then
 *         wait           for a line on stdin
 *
 * Each step that is done is said on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { OBJECT_LEAST = 200, OBJECT_SPREAD = 1800, OBJECTS_MAX = 4 << 20, MIB = 1 << 20,
	WAVE_BYTES = 24 << 20 };

static char **objects;
static unsigned short *sizes;
static size_t object_count, live_bytes;

static unsigned next_random(void)
{
	static unsigned state = 1;

	state = state * 1103515245u + 12345u;
	return state >> 8;
}

__attribute__((noinline)) static int object_make(unsigned bytes)
{
	char *object = malloc(bytes);

	if (object == NULL)
		return 0;
	memset(object, 1, bytes);
	objects[object_count] = object;
	sizes[object_count++] = (unsigned short)bytes;
	live_bytes += bytes;
	return 1;
}

/* False if there is no memory. */
static int table_grow(size_t most_bytes)
{
	while (live_bytes < most_bytes && object_count < OBJECTS_MAX)
		if (!object_make(OBJECT_LEAST + next_random() % OBJECT_SPREAD))
			return 0;
	return 1;
}

/* Of those from one on. */
static void table_keep(size_t from, unsigned percent)
{
	size_t kept = from;

	for (size_t i = from; i < object_count; i++) {
		if (next_random() % 100 >= percent) {
			live_bytes -= sizes[i];
			free(objects[i]);
			continue;
		}
		sizes[kept] = sizes[i];
		objects[kept++] = objects[i];
	}
	object_count = kept;
}

static int wave(unsigned least_bytes)
{
	size_t from = object_count, end_bytes = live_bytes + WAVE_BYTES;

	while (live_bytes < end_bytes)
		if (!object_make(least_bytes + next_random() % least_bytes))
			return 0;
	table_keep(from, 10);
	return 1;
}

static void idle(long milliseconds)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	for (long passed = 0; passed < milliseconds; passed += 5) {
		void *little[64];
		for (int i = 0; i < 64; i++)
			little[i] = malloc(100 + (size_t)i * 100);
		for (int i = 0; i < 64; i++)
			free(little[i]);
		nanosleep(&pause, NULL);
	}
}

/* Field `index` of /proc/self/statm, in bytes. */
static size_t mapped(int index)
{
	unsigned long fields[6] = {0};
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu %lu %lu %lu %lu %lu", &fields[0], &fields[1], &fields[2],
			&fields[3], &fields[4], &fields[5]) != 6)
		abort();
	fclose(file);
	return fields[index] * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_set(int resource, int index, size_t more)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	limit.rlim_cur = mapped(index) + more;
	if (setrlimit(resource, &limit) != 0)
		abort();
}

static void text_write(char *place)
{
	char *text = strchr(place, '=');
	FILE *file;

	if (text == NULL)
		abort();
	*text++ = '\0';
	file = fopen(place, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static int word_is(const char *step, const char *word, char **value)
{
	size_t bytes = strlen(word);

	*value = (char *)step + bytes + 1;
	return strncmp(step, word, bytes) == 0 && (step[bytes] == ':' || step[bytes] == '\0');
}

static void step_do(char *step)
{
	char *value;

	if (word_is(step, "grow", &value) && !table_grow(strtoul(value, NULL, 10) * MIB))
		abort();
	if (word_is(step, "forever", &value) && !table_grow((size_t)-1))
		abort();
	if (word_is(step, "keep", &value))
		table_keep(0, (unsigned)atoi(value));
	if (word_is(step, "wave", &value) && !wave((unsigned)atoi(value)))
		abort();
	if (word_is(step, "as", &value))
		limit_set(RLIMIT_AS, 0, strtoul(value, NULL, 10) * MIB);
	if (word_is(step, "data", &value))
		limit_set(RLIMIT_DATA, 5, strtoul(value, NULL, 10) * MIB);
	if (word_is(step, "write", &value))
		text_write(value);
	if (word_is(step, "idle", &value))
		idle(atol(value));
	if (word_is(step, "wait", &value))
		getchar();
}

int main(int argc, char **argv)
{
	objects = malloc(sizeof(*objects) * OBJECTS_MAX);
	sizes = malloc(sizeof(*sizes) * OBJECTS_MAX);
	if (objects == NULL || sizes == NULL)
		return 1;
	for (int i = 1; i < argc; i++) {
		step_do(argv[i]);
		printf("%s\n", argv[i]);
		fflush(stdout);
	}
	return 0;
}
