// bench/containers.cc - the standard containers as C++ programs use them: a map,
// a list, a deque, a set of shared pointers and vectors of vectors, filled and
// emptied side by side.
//
// What it shows: sized delete, vectors that double, and nodes of many sizes
// that live as long as their container.

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bench/common.h"

static const char usage[] = "COUNT";

struct collection {
	std::map<uint32_t, std::string> by_number;
	std::list<std::vector<uint32_t>> rows;
	std::deque<std::unique_ptr<std::string>> waiting;
	std::set<std::shared_ptr<uint64_t>> shared;
};

static void step(collection &all, rng &rng)
{
	uint32_t number = rng_below(&rng, 20000);

	switch (rng_below(&rng, 8)) {
	case 0:
		all.by_number[number] = std::string(rng_below(&rng, 100), 'x');
		break;
	case 1:
		all.by_number.erase(number);
		break;
	case 2:
		all.rows.emplace_back();
		for (uint32_t i = rng_below(&rng, 200); i > 0; i--)
			all.rows.back().push_back(i);
		break;
	case 3:
		if (all.rows.size() > 1000)
			all.rows.pop_front();
		break;
	case 4:
		all.waiting.push_back(std::make_unique<std::string>(rng_below(&rng, 500), 'y'));
		break;
	case 5:
		if (!all.waiting.empty())
			all.waiting.pop_front();
		break;
	case 6:
		all.shared.insert(std::make_shared<uint64_t>(number));
		break;
	default:
		if (!all.shared.empty())
			all.shared.erase(all.shared.begin());
	}
}

int main(int argc, char **argv)
{
	uint64_t count = argument_number(argc, argv, 1, usage);
	rng rng = rng_stream(7);
	uint64_t begin_ns = clock_cpu_ns();

	{
		collection all;
		for (uint64_t left = count; left > 0; left--)
			step(all, rng);
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
