/*
 * hints.c - what a program can say of its objects, as it reaches the real library.
 *
 * Proves: mstat_alloc, the tokens of clang and the makers of strings give objects that
 * are aligned, combined and counted as the manual says, and that all of the malloc
 * family takes; the strings are libc's to the byte, errno included; finalizers and
 * collections do and refuse what their manual pages say.
 *
 *     hints              all of it
 *     hints token N...   each token's object of 8 bytes: "combined" or "plain"
 *     hints many         "right" if all goes well where there are many of less than 16 bytes
 *     hints strings      whether what strdup makes is combined
 *     hints keep         keeps 1,000 hinted objects of 8 bytes and 500 plain ones,
 *                        and says the books, until stdin ends
 */
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "include/mstat.h"
#include "tests/preload/tap.h"

struct nothrow;

void *__alloc_token_malloc(size_t bytes, size_t token);
void *__alloc_token_calloc(size_t count, size_t each_bytes, size_t token);
void *__alloc_token_realloc(void *ptr, size_t bytes, size_t token);
void *__alloc_token_reallocarray(void *ptr, size_t count, size_t each_bytes, size_t token);
void *__alloc_token_aligned_alloc(size_t alignment, size_t bytes, size_t token);
int __alloc_token_posix_memalign(void **out, size_t alignment, size_t bytes, size_t token);
void *__alloc_token__Znwm(size_t bytes, size_t token);
void *__alloc_token__Znam(size_t bytes, size_t token);
void *__alloc_token__ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag, size_t token);
void *__alloc_token__ZnwmSt11align_val_t(size_t bytes, size_t alignment, size_t token);
void *__alloc_token_3_malloc(size_t bytes);
void *__alloc_token_2_calloc(size_t count, size_t each_bytes);
void *__alloc_token_0__Znwm(size_t bytes);
int __asprintf_chk(char **out, int flag, const char *format, ...);
void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag);
void _ZdlPv(void *ptr);
void _ZdlPvm(void *ptr, size_t bytes);
#pragma weak mstat_alloc
#pragma weak mstat_snapshot
#pragma weak mstat_collect
#pragma weak mstat_finalizer_set
#pragma weak mstat_finalizer_clear
#pragma weak __alloc_token_malloc
#pragma weak __alloc_token_calloc
#pragma weak __alloc_token_realloc
#pragma weak __alloc_token_reallocarray
#pragma weak __alloc_token_aligned_alloc
#pragma weak __alloc_token_posix_memalign
#pragma weak __alloc_token__Znwm
#pragma weak __alloc_token__Znam
#pragma weak __alloc_token__ZnwmRKSt9nothrow_t
#pragma weak __alloc_token__ZnwmSt11align_val_t
#pragma weak __alloc_token_3_malloc
#pragma weak __alloc_token_2_calloc
#pragma weak __alloc_token_0__Znwm
#pragma weak _ZnwmRKSt9nothrow_t
#pragma weak _ZdlPv
#pragma weak _ZdlPvm

static uint64_t tiny_now(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};

	mstat_snapshot(&now);
	return now.tiny_nmalloc;
}

static size_t modulo(const void *ptr, size_t divisor)
{
	return (uintptr_t)ptr % divisor;
}

/* The largest power of two that is not above. */
static size_t malloc_align(size_t bytes)
{
	size_t align = 1;

	while (2 * align <= bytes && align < 16)
		align *= 2;
	return align;
}

static bool is_zero(const char *ptr, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (ptr[i] != 0)
			return false;
	return true;
}

static void test_alloc(void)
{
	bool good = true;

	for (size_t bytes = 1; bytes < 100; bytes++) {
		uint64_t before = tiny_now();
		char *ptr = mstat_alloc(bytes, MSTAT_NOSCAN), *plain = mstat_alloc(bytes, 0);
		good = good && tiny_now() - before == (bytes < 16);
		good = good && modulo(ptr, bytes < 16 ? (bytes & -bytes) : 16) == 0;
		good = good && modulo(plain, 16) == 0 && malloc_usable_size(ptr) >= bytes;
		memset(ptr, 1, malloc_usable_size(ptr));
		ptr = realloc(ptr, 2 * bytes);
		good = good && ptr[bytes - 1] == 1;
		free(ptr);
		free(plain);
	}
	tap_ok(good, "mstat_alloc: hinted below 16 bytes is combined, the rest is aligned to 16");
	char *nothing = mstat_alloc(0, MSTAT_NOSCAN);
	good = nothing != NULL && nothing == mstat_alloc(0, MSTAT_NOSCAN);
	free(nothing);
	free(nothing);
	tap_ok(good && malloc_usable_size(nothing) == 0 && realloc(nothing, 0) == NULL,
		"mstat_alloc: of no bytes there is one, and any number of frees");
	good = true;
	for (unsigned hints = 4; hints != 0; hints <<= 1) {
		errno = 0;
		good = good && mstat_alloc(8, hints | MSTAT_NOSCAN) == NULL && errno == EINVAL;
	}
	tap_ok(good, "mstat_alloc: a hint that is not known is EINVAL");
	for (unsigned hints = 0; hints < 4; hints++) {
		errno = 0;
		good = good && mstat_alloc(SIZE_MAX, hints) == NULL && errno == ENOMEM;
		errno = 0;
		good = good && mstat_alloc((size_t)PTRDIFF_MAX + 1, hints) == NULL && errno == ENOMEM;
	}
	tap_ok(good, "mstat_alloc: what cannot be is ENOMEM");
}

static void test_tokens(void)
{
	bool good = true, apart = true;

	for (size_t bytes = 0; bytes < 100; bytes++) {
		uint64_t before = tiny_now();
		char *scalar = __alloc_token_malloc(bytes, 1), *pointers = __alloc_token_malloc(bytes, SIZE_MAX);
		apart = apart && tiny_now() - before == (bytes < 16);
		good = good && scalar != NULL && scalar != pointers &&
			modulo(scalar, malloc_align(bytes)) == 0 && modulo(pointers, 16) == 0;
		memset(scalar, 1, bytes);
		scalar = __alloc_token_realloc(scalar, bytes + 20, SIZE_MAX);
		good = good && scalar != NULL && (bytes == 0 || scalar[bytes - 1] == 1);
		free(scalar);
		free(pointers);
		char *zeroed = __alloc_token_calloc(bytes, 3, 1);
		good = good && is_zero(zeroed, bytes * 3);
		memset(zeroed, 1, bytes * 3);
		free(zeroed);
		char *made = __alloc_token__Znwm(bytes, 1), *array = __alloc_token__Znam(bytes, 1);
		good = good && modulo(made, malloc_align(bytes)) == 0 && array != made;
		_ZdlPv(made);
		_ZdlPv(array);
	}
	tap_ok(good, "alloc-token: aligned as malloc's, new each time, zeroed where asked");
	tap_ok(apart, "alloc-token: below 16 bytes the lower half is combined, the upper is not");
	void *aligned = __alloc_token_aligned_alloc(256, 256, 1), *memory = NULL;
	good = aligned != NULL && modulo(aligned, 256) == 0;
	good = good && __alloc_token_posix_memalign(&memory, 64, 10, 1) == 0 && modulo(memory, 64) == 0;
	good = good && __alloc_token_posix_memalign(&memory, 3, 10, 1) == EINVAL;
	void *over = __alloc_token__ZnwmSt11align_val_t(100, 128, 1);
	good = good && modulo(over, 128) == 0;
	tap_ok(good, "alloc-token: aligned forms");
	free(aligned);
	free(memory);
	_ZdlPv(over);
	errno = 0;
	good = __alloc_token_malloc(SIZE_MAX, 1) == NULL && errno == ENOMEM;
	errno = 0;
	good = good && __alloc_token_calloc(SIZE_MAX, 16, 1) == NULL && errno == ENOMEM;
	errno = 0;
	good = good && __alloc_token_reallocarray(NULL, SIZE_MAX / 2, 3, 1) == NULL && errno == ENOMEM;
	good = good && __alloc_token__ZnwmRKSt9nothrow_t(SIZE_MAX / 2, NULL, 1) == NULL;
	tap_ok(good, "alloc-token: what cannot be is refused");
	char *fast = __alloc_token_3_malloc(5), *zeros = __alloc_token_2_calloc(3, 4);
	char *made = __alloc_token_0__Znwm(7);
	tap_ok(fast != NULL && is_zero(zeros, 12) && made != NULL, "alloc-token: the token in the name");
	free(fast);
	free(zeros);
	_ZdlPv(made);
}

/* Against what snprintf writes, which is libc's own. */
#define FORMATTED(...) formatted(__LINE__, snprintf(expected, sizeof(expected), __VA_ARGS__), \
	asprintf(&made, __VA_ARGS__))

static char expected[100000];
static char *made;

static bool formatted(int line, int want, int got)
{
	bool good = want == got && (want < 0 || (strcmp(expected, made) == 0 && modulo(made, 8) == 0 &&
		malloc_usable_size(made) > (size_t)got));

	if (!good)
		tap_note("line %d: %d, not %d", line, got, want);
	if (want >= 0)
		free(made);
	return good;
}

static void test_strings(void)
{
	char text[3000];
	bool good = true;

	memset(text, 'x', sizeof(text));
	for (size_t length = 0; length < 2999; length = length < 40 ? length + 1 : length * 2) {
		text[length] = '\0';
		char *copy = strdup(text), *part = strndup(text, length / 2), *all = strndup(text, SIZE_MAX);
		good = good && strcmp(copy, text) == 0 && strcmp(all, text) == 0 &&
			strlen(part) == length / 2 && memcmp(part, text, length / 2) == 0;
		good = good && modulo(copy, 8) == 0 && modulo(part, 8) == 0 && modulo(all, 8) == 0;
		free(copy);
		free(part);
		free(all);
		text[length] = 'x';
	}
	tap_ok(good, "strdup, strndup: the text, aligned to 8");
	char ends[4] = {'a', 'b', 'c', 'd'}; /* no terminator: no byte beyond is read */
	char *copy = strndup(ends, 4);
	tap_ok(strcmp(copy, "abcd") == 0, "strndup: reads no more than it was told");
	free(copy);

	errno = EDOM;
	good = FORMATTED("%s", "") && FORMATTED("%d", 42) && FORMATTED("%*d|%-*s|", 30, 7, 20, "left");
	errno = EDOM;
	good = good && FORMATTED("%m and %s", "on") && FORMATTED("%.*f %a %e", 40, 1e300 / 3, 0.1, 1e-300);
	good = good && FORMATTED("%2$s %1$s", "one", "two") && FORMATTED("%90000d", 1);
	errno = EDOM;
	good = good && FORMATTED("%300s%m", "formatted twice");
	good = good && FORMATTED("%ls", L"wide") && FORMATTED("%%%c%lc", 'c', (wint_t)L'w');
	tap_ok(good, "asprintf: what snprintf writes");
	int count = 0, length = asprintf(&made, "%300s%n%d", "long", &count, 5);
	tap_ok(length == 301 && count == 300, "asprintf: %%n");
	free(made);
	errno = 0;
	length = asprintf(&made, "%ls", L"\x12345");
	tap_ok(length == -1 && errno == EILSEQ, "asprintf: a character that cannot be is -1 and EILSEQ");
	length = __asprintf_chk(&made, 1, "%s-%d", "checked", 3);
	tap_ok(length == 9 && strcmp(made, "checked-3") == 0, "asprintf by its checked name");
	free(made);
}

static _Atomic int called; /* libc says that free() calls nobody back: see the manual */

static void count_call(void *ptr, void *arg)
{
	(void)ptr;
	called += *(int *)arg;
}

static char in_data[32];

static void test_finalizers(void)
{
	static int one = 1;
	char on_stack[32], *ptr = malloc(100), *large = malloc(1 << 20), *freed = malloc(100);
	bool good = true;

	good = mstat_finalizer_set(ptr, count_call, &one) == 0 &&
		mstat_finalizer_set(large, count_call, &one) == 0;
	good = good && mstat_finalizer_set(ptr, count_call, &one) == -1 && errno == EEXIST;
	ptr = realloc(ptr, 5000);
	good = good && called == 0;
	errno = 4711;
	free(ptr);
	free(large);
	tap_ok(good && called == 2 && errno == 4711, "a finalizer runs once, wherever realloc took it");
	free(freed);
	errno = 0;
	void *const bad[] = {NULL, on_stack, in_data, (void *)1, freed, large, (void *)UINTPTR_MAX,
		(void *)test_finalizers};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		good = good && mstat_finalizer_set(bad[i], count_call, &one) == -1 && errno == EINVAL;
		errno = 0;
		good = good && mstat_finalizer_clear(bad[i]) == -1 && errno == ENOENT;
	}
	tap_ok(good, "a finalizer on what is no live object is EINVAL");
	ptr = malloc(100);
	good = mstat_finalizer_set(ptr, NULL, NULL) == -1 && errno == EINVAL;
	good = good && mstat_finalizer_set(ptr + 1, count_call, &one) == -1 && errno == EINVAL;
	good = good && mstat_finalizer_set(ptr, count_call, &one) == 0 && mstat_finalizer_clear(ptr) == 0;
	free(ptr);
	tap_ok(good && called == 2, "a finalizer that was cleared does not run");
	void *made_by_new = _ZnwmRKSt9nothrow_t(10, NULL);
	mstat_finalizer_set(made_by_new, count_call, &one);
	_ZdlPv(made_by_new);
	tap_ok(called == 3, "operator delete runs it too");
}

static __attribute__((noinline)) void make_garbage(void)
{
	for (int i = 0; i < 1000; i++) {
		void **pair = mstat_alloc(16, MSTAT_COLLECTABLE);
		pair[0] = mstat_alloc(8, MSTAT_COLLECTABLE | MSTAT_NOSCAN);
		pair[1] = pair;
	}
}

static __attribute__((noinline)) void stack_clear(void)
{
	volatile char old[16 << 10];

	for (size_t i = 0; i < sizeof(old); i++)
		old[i] = 0;
}

static void *sleep_long(void *argument)
{
	pause();
	return argument;
}

static void test_collect(void)
{
	pthread_t thread;

	make_garbage();
	stack_clear();
	pthread_create(&thread, NULL, sleep_long, NULL);
	tap_ok(mstat_collect() > 1800, "mstat_collect: what is out of reach goes");
	tap_ok(mstat_collect() < 200, "mstat_collect: once");
	signal(62, SIG_IGN);
	errno = 0;
	tap_ok(mstat_collect() == -1 && errno == EBUSY, "mstat_collect: a signal of the program's is EBUSY");
	signal(62, SIG_DFL);
	tap_ok(mstat_collect() >= 0, "mstat_collect: and is taken when it is free");
}

static void show_tokens(int count, char **tokens)
{
	for (int i = 0; i < count; i++) {
		uint64_t before = tiny_now();
		free(__alloc_token_malloc(8, strtoull(tokens[i], NULL, 10)));
		puts(tiny_now() != before ? "combined" : "plain");
	}
}

static void keep(void)
{
	static void *hinted[1000], *plain[500];
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};
	char byte;

	for (int i = 0; i < 1000; i++)
		hinted[i] = mstat_alloc(8, MSTAT_NOSCAN);
	for (int i = 0; i < 500; i++)
		plain[i] = malloc(12);
	for (int i = 0; i < 200; i++)
		free(hinted[i * 3]);
	mstat_snapshot(&now);
	dprintf(STDOUT_FILENO, "%lu %lu %lu %lu %lu\n", now.tiny_nmalloc, now.tiny_nfree, now.tiny_alloc,
		now.tiny_saved_bytes, now.combinable_alloc);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	free(plain[0]);
}

static uint64_t fine_count(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};
	uint64_t count = 0;

	mstat_snapshot(&now);
	for (int row = 1; row < 8; row++)
		count += now.by_fine_size[row].nmalloc;
	return count;
}

/* Of all kinds and sizes, again and again: what a sample is checked for is what was asked for. */
static bool use_each_size(void)
{
	char text[129];

	for (size_t bytes = 1; bytes <= 128; bytes++) {
		char *object = __alloc_token__Znwm(bytes, 1), *cleared = __alloc_token_calloc(1, bytes, 1);
		memset(object, 1, bytes);
		for (size_t i = 0; i < bytes; i++)
			if (cleared[i] != 0)
				return false;
		_ZdlPvm(object, bytes);
		memset(cleared, 2, bytes);
		memset(text, 'x', bytes);
		text[bytes] = '\0';
		char *copy = strdup(text);
		if (strcmp(copy, text) != 0 || malloc_usable_size(copy) < bytes + 1)
			return false;
		cleared = realloc(cleared, bytes + 20);
		if (cleared[bytes - 1] != 2)
			return false;
		free(cleared);
		free(copy);
	}
	return true;
}

/* What malloc_info() says lives in its bins, less what it says lives. */
static long info_missing(void)
{
	char *text = NULL, *at;
	size_t bytes;
	long live = 0;
	FILE *stream = open_memstream(&text, &bytes);

	if (stream == NULL || malloc_info(0, stream) != 0 || fclose(stream) != 0)
		return -1;
	for (at = text; (at = strstr(at, "<nmalloc>")) != NULL; at++)
		live += atol(at + strlen("<nmalloc>"));
	for (at = text; (at = strstr(at, "<ndalloc>")) != NULL; at++)
		live -= atol(at + strlen("<ndalloc>"));
	at = strstr(text, "\"live\" count=\"");
	live -= at != NULL ? atol(at + strlen("\"live\" count=\"")) : 0;
	free(text);
	return live;
}

static void use_many(void)
{
	bool is_right = true;

	for (int i = 0; i < 300000; i++)
		is_right &= mstat_alloc(8, MSTAT_NOSCAN) != NULL;
	is_right &= fine_count() > 0;
	for (int round = 0; round < 100; round++)
		is_right &= use_each_size();
	is_right &= info_missing() == 0;
	puts(is_right ? "right" : "wrong");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "many") == 0) {
		use_many();
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "token") == 0) {
		show_tokens(argc - 2, argv + 2);
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "strings") == 0) {
		uint64_t before = tiny_now();
		char *text = strdup("short");
		puts(tiny_now() != before ? "combined" : "plain");
		free(text);
		return 0;
	}
	if (argc > 1) {
		keep();
		return 0;
	}
	tap_begin();
	test_alloc();
	test_tokens();
	test_strings();
	test_finalizers();
	test_collect();
	return tap_done();
}
