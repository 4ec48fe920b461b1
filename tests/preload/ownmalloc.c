/*
 * ownmalloc.c - a program with a malloc of its own, which does not know of what
 * glibc makes from the four: reallocarray(), and strings.  As ownlibc it has glibc's
 * other names for the four, too, as chromium does.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_BYTES = 1 << 20, HEADER_BYTES = 16 };

static _Alignas(HEADER_BYTES) char pool[POOL_BYTES];
static size_t used_bytes;

void *malloc(size_t bytes)
{
	char *object = pool + used_bytes + HEADER_BYTES;
	size_t taken = HEADER_BYTES + (bytes + HEADER_BYTES - 1) / HEADER_BYTES * HEADER_BYTES;

	if (bytes > POOL_BYTES || taken > POOL_BYTES - used_bytes)
		return NULL;
	used_bytes += taken;
	memcpy(object - HEADER_BYTES, &bytes, sizeof(bytes));
	return object;
}

void free(void *ptr)
{
	(void)ptr;
}

void *calloc(size_t count, size_t each_bytes)
{
	return malloc(count * each_bytes); /* a pool is zero */
}

void *realloc(void *ptr, size_t bytes)
{
	char *to = malloc(bytes);
	size_t old_bytes = 0;

	if (ptr != NULL)
		memcpy(&old_bytes, (char *)ptr - HEADER_BYTES, sizeof(old_bytes));
	if (to != NULL)
		memcpy(to, ptr != NULL ? ptr : to, old_bytes < bytes ? old_bytes : bytes);
	return to;
}

#ifdef OWN_LIBC
void *__libc_malloc(size_t bytes) __attribute__((alias("malloc")));
void __libc_free(void *ptr) __attribute__((alias("free")));
void *__libc_calloc(size_t count, size_t each_bytes) __attribute__((alias("calloc")));
void *__libc_realloc(void *ptr, size_t bytes) __attribute__((alias("realloc")));
#endif

static const char *of_pool(const char *text)
{
	return text != NULL && text >= pool && text < pool + POOL_BYTES ? text : "not of the pool";
}

int main(void)
{
	char *text = malloc(8), *printed = NULL;

	strcpy(text, "kept");
	text = reallocarray(text, 100, 8);
	puts(of_pool(text));
	puts(of_pool(strdup("copied")));
	puts(of_pool(strndup("cut short", 3)));
	if (asprintf(&printed, "%d printed", 1) > 0)
		puts(of_pool(printed));
	free(text);
	return 0;
}
