/*
 * bench/coro/boost.cc - Boost.Context, both ways: `fiber`, which is what programs are
 * meant to use, and the `fcontext` that it is made of, which is less: no destructor, no
 * exception passes, but nothing can be faster with Boost.
 */
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/common.h"

namespace context = boost::context;
using context::detail::jump_fcontext;
using context::detail::make_fcontext;
using context::detail::transfer_t;

static const char usage[] = "fiber|fcontext switch|create COUNT\n"
			    "             fiber many COUNT";

static const std::size_t stack_bytes = 64 << 10;
static context::pooled_fixedsize_stack pool(stack_bytes);

/* ---- fiber -------------------------------------------------------------------------- */

static void fiber_switch(uint64_t count)
{
	context::fiber fiber{std::allocator_arg, pool, [](context::fiber &&caller) {
		for (;;)
			caller = std::move(caller).resume();
		return std::move(caller);
	}};

	for (uint64_t left = count; left > 0; left--)
		fiber = std::move(fiber).resume();
}

static void fiber_create(uint64_t count)
{
	for (uint64_t left = count; left > 0; left--) {
		context::fiber fiber{std::allocator_arg, pool,
			[](context::fiber &&caller) { return std::move(caller); }};
		fiber = std::move(fiber).resume();
	}
}

/* With guards, as the others have; each takes two mappings, of which the kernel allows
   65,530 unless it was told otherwise. */
static void fiber_many(uint64_t count)
{
	context::protected_fixedsize_stack guarded(stack_bytes);
	std::vector<context::fiber> all;

	for (uint64_t left = count; left > 0; left--) {
		context::fiber fiber{std::allocator_arg, guarded, [](context::fiber &&caller) {
			return std::move(caller).resume();
		}};
		all.push_back(std::move(fiber).resume());
	}
	report_rss("alive", rss_bytes());
	for (context::fiber &fiber : all)
		fiber = std::move(fiber).resume();
}

/* ---- fcontext ----------------------------------------------------------------------- */

static void yield_always(transfer_t caller)
{
	for (;;)
		caller = jump_fcontext(caller.fctx, caller.data);
}

static void fcontext_switch(uint64_t count)
{
	context::stack_context stack = pool.allocate();
	transfer_t other = {make_fcontext(stack.sp, stack.size, yield_always), nullptr};

	for (uint64_t left = count; left > 0; left--)
		other = jump_fcontext(other.fctx, other.data);
	pool.deallocate(stack);
}

static void return_at_once(transfer_t caller)
{
	jump_fcontext(caller.fctx, caller.data);
}

static void fcontext_create(uint64_t count)
{
	for (uint64_t left = count; left > 0; left--) {
		context::stack_context stack = pool.allocate();
		jump_fcontext(make_fcontext(stack.sp, stack.size, return_at_once), nullptr);
		pool.deallocate(stack);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *layer, *name;
		void (*run)(uint64_t count);
	} workloads[] = {
		{"fiber", "switch", fiber_switch},
		{"fiber", "create", fiber_create},
		{"fiber", "many", fiber_many},
		{"fcontext", "switch", fcontext_switch},
		{"fcontext", "create", fcontext_create},
	};
	const char *layer = argument(argc, argv, 1, usage), *name = argument(argc, argv, 2, usage);
	uint64_t count = argument_number(argc, argv, 3, usage);

	for (const auto &workload : workloads) {
		if (std::strcmp(workload.layer, layer) != 0 || std::strcmp(workload.name, name) != 0)
			continue;
		workload.run(1);
		uint64_t begin_ns = clock_cpu_ns();
		workload.run(count);
		report_time(count, clock_cpu_ns() - begin_ns);
		return 0;
	}
	std::fprintf(stderr, "usage: boost %s\n", usage);
	return 2;
}
