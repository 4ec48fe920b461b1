/*
 * bench/coro/throw.cc - an exception that passes as many frames as a panic does, and is
 * caught above; `unwind`: each has a destructor to run.
 */
#include <cstdlib>
#include <cstring>

#include "bench/common.h"

static const char usage[] = "panic|unwind DEPTH COUNT";

static uint64_t caught_count, begun_count, done_count;

__attribute__((noipa)) static void descend(uint64_t depth)
{
	if (depth == 0)
		throw static_cast<const void *>(usage);
	descend(depth - 1);
	__asm__ volatile("");
}

struct counted {
	counted() { begun_count++; }
	__attribute__((noipa)) ~counted() { done_count++; }
};

__attribute__((noipa)) static void descend_counted(uint64_t depth)
{
	counted here;

	if (depth == 0)
		throw static_cast<const void *>(usage);
	descend_counted(depth - 1);
}

__attribute__((noipa)) static void catch_above(void (*descends)(uint64_t), uint64_t depth)
{
	try {
		descends(depth);
	} catch (const void *) {
		caught_count++;
	}
}

int main(int argc, char **argv)
{
	bool is_counted = std::strcmp(argument(argc, argv, 1, usage), "unwind") == 0;
	void (*descends)(uint64_t) = is_counted ? descend_counted : descend;
	uint64_t depth = argument_number(argc, argv, 2, usage);
	uint64_t count = argument_number(argc, argv, 3, usage);

	catch_above(descends, depth);
	uint64_t begin_ns = clock_cpu_ns();
	for (uint64_t left = count; left > 0; left--)
		catch_above(descends, depth);
	report_time(count, clock_cpu_ns() - begin_ns);
	return caught_count == count + 1 && begun_count == done_count ? 0 : 1;
}
