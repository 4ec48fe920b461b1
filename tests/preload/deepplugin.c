/*
 * deepplugin.c - a plugin that is bound to itself and to libc before the program that
 * loads it, deepbound.c.
 */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *early;

/* What the program looks up. */
int whose(void);
char *made_early(void);
void *makes(size_t bytes);
void *grows(void *object, size_t bytes);
void takes(void *object);
int uses_libc(void);

int whose_name(void);
__attribute__((visibility("default"))) int whose_name(void)
{
	return 2;
}

int whose(void)
{
	return whose_name();
}

__attribute__((constructor)) static void constructor(void)
{
	early = malloc(100);
	strcpy(early, "early");
}

char *made_early(void)
{
	return early;
}

void *makes(size_t bytes)
{
	char *object = calloc(1, bytes);

	return object != NULL ? realloc(object, bytes + 1) : NULL;
}

void *grows(void *object, size_t bytes)
{
	return malloc_usable_size(object) != 0 ? reallocarray(object, 1, bytes) : NULL;
}

void takes(void *object)
{
	free(object);
}

static int scan(void)
{
	struct dirent **entries = NULL;
	int count = scandir("/", &entries, NULL, alphasort);

	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return count > 0 ? 0 : 1;
}

static int print(void)
{
	char *text = NULL, *written = NULL;
	size_t bytes;

	if (asprintf(&text, "%0500d", 7) != 500)
		return 1;
	free(text);
	FILE *memory = open_memstream(&written, &bytes);
	if (memory == NULL || fprintf(memory, "%0500d", 7) != 500 || fclose(memory) != 0)
		return 1;
	free(written);
	return 0;
}

/* 0, or the number of what went wrong. */
int uses_libc(void)
{
	char *line = NULL;
	size_t line_bytes = 0;

	free(strdup("copied"));
	free(strndup("cut short", 3));
	free(realpath("/proc/self/exe", NULL));
	free(getcwd(NULL, 0));
	FILE *status = fopen("/proc/self/status", "r");
	if (status == NULL || getline(&line, &line_bytes, status) < 0 || fclose(status) != 0)
		return 1;
	free(line);
	if (print() != 0)
		return 2;
	return scan() == 0 ? 0 : 3;
}
