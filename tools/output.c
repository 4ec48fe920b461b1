#include "tools/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

FILE *output_open(const char *path, bool is_text, struct failure *failure)
{
	if (strcmp(path, "-") != 0) {
		FILE *out = fopen(path, "we");
		if (out == NULL)
			failure_set_errno(failure, "write", path, errno);
		return out;
	}
	if (is_text || !isatty(STDOUT_FILENO))
		return stdout;
	failure_set(failure, FAILURE_USAGE,
		"this is no text, which a terminal cannot show; name a file or redirect it");
	return NULL;
}

bool output_close(FILE *out, const char *path, struct failure *failure)
{
	bool has_failed = fflush(out) != 0 || ferror(out);
	int error = errno;

	if (out != stdout && fclose(out) != 0) {
		has_failed = true;
		error = errno;
	}
	if (!has_failed)
		return true;
	return failure_set_errno(failure, "write", out == stdout ? "the output" : path, error);
}
