// bench/words.cc - a string-heavy map: words are counted in an
// unordered_map<string, vector<string>>, looked up and erased at random.
//
// What it shows: C++'s own way with memory, nodes and strings of two sizes
// each, and now and then a table that doubles.

#include <string>
#include <unordered_map>
#include <vector>

#include "bench/common.h"

static const char usage[] = "COUNT";

static const uint32_t words = 200000;

// Long enough that no string fits into its own object.
static std::string word(uint32_t number)
{
	return "a word as long as most keys are, number " + std::to_string(number);
}

int main(int argc, char **argv)
{
	uint64_t count = argument_number(argc, argv, 1, usage);
	rng rng = rng_stream(6);
	std::unordered_map<std::string, std::vector<std::string>> map;
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--) {
		std::string key = word(rng_below(&rng, words));
		if (rng_below(&rng, 4) == 0)
			map.erase(key);
		else
			map[key].push_back(word(rng_below(&rng, 1000)));
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
