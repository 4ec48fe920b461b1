#include "tools/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/text.h"

bool failure_set(struct failure *failure, enum failure_status status, const char *format, ...)
{
	va_list arguments;

	failure->status = status;
	va_start(arguments, format);
	vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	va_end(arguments);
	text_clean(failure->text);
	return false;
}

bool failure_set_errno(struct failure *failure, const char *doing, const char *path, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return failure_set(failure, FAILURE_CANNOT, "there is no file %s", path);
	if (error == EACCES || error == EPERM)
		return failure_set(failure, FAILURE_CANNOT, "no permission to %s %s", doing, path);
	return failure_set(failure, FAILURE_CANNOT, "cannot %s %s: %s", doing, path,
		strerror(error));
}

int failure_report(const struct failure *failure)
{
	fflush(stdout);
	fprintf(stderr, "mstat: %s\n", failure->text);
	return (int)failure->status;
}

int failure_usage(const char *command, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "mstat%s%s: ", command[0] != '\0' ? " " : "", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry 'mstat%s%s --help'.\n", command[0] != '\0' ? " " : "", command);
	return FAILURE_USAGE;
}
