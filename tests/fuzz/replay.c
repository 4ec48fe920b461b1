/*
 * replay.c - the files that were kept, one after the other, through a fuzz target.
 *
 *     TARGET FILE...     prints how many
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

enum { FILE_MOST_BYTES = 1 << 20 };

static bool replay(const char *path)
{
	static uint8_t bytes[FILE_MOST_BYTES];
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		perror(path);
		return false;
	}
	size_t count = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	/* To the byte, so that a sanitizer sees a read beyond. */
	uint8_t *data = malloc(count + (count == 0));
	required(data != NULL, "there is memory");
	memcpy(data, bytes, count);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, count);
	free(data);
	return true;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!replay(argv[i]))
			return 1;
	printf("%d files\n", argc - 1);
	return 0;
}
