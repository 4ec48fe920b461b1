// bench/newdelete.cc - operator new and delete of one object, over and over.
//
// What it shows: that C++ pays no more than C (bench/pair.c), and sized delete
// no more than the plain one.

#include <cstring>
#include <new>

#include "bench/common.h"

static const char usage[] = "plain|sized|array BYTES COUNT";

int main(int argc, char **argv)
{
	const char *kind = argument(argc, argv, 1, usage);
	size_t bytes = argument_number(argc, argv, 2, usage);
	uint64_t count = argument_number(argc, argv, 3, usage);
	uint64_t begin_ns = clock_cpu_ns();

	if (std::strcmp(kind, "plain") == 0)
		for (uint64_t left = count; left > 0; left--)
			::operator delete(::operator new(bytes));
	else if (std::strcmp(kind, "sized") == 0)
		for (uint64_t left = count; left > 0; left--)
			::operator delete(::operator new(bytes), bytes);
	else
		for (uint64_t left = count; left > 0; left--)
			::operator delete[](::operator new[](bytes));
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
