/*
 * bench/pair.c - malloc and free of one object, over and over.
 *
 * usage: pair BYTES COUNT
 *
 * Does nothing else that depends on COUNT: the difference of two runs is that
 * many pairs, whatever it counts them in.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: pair BYTES COUNT\n");
		return 2;
	}
	size_t bytes = strtoul(argv[1], NULL, 10);
	for (uint64_t left = strtoull(argv[2], NULL, 10); left > 0; left--) {
		void *object = malloc(bytes);
		if (object == NULL)
			return 1;
		free(object);
	}
	return 0;
}
