#!/usr/bin/env bash
#
# compilers.sh - gcc and g++ under the library, and what they made.
#
# Proves: with the library a compiler writes the same object file, and the program
# that it links says the same, itself with the library or without.

. "${BASH_SOURCE[0]%/*}/preload.sh"

cc1plus=$(g++ -print-prog-name=cc1plus)
bound g++ g++ --version
bound "the C++ compiler proper" "$cc1plus" --version

cat >"$scratch/containers.cc" <<'END'
#include <algorithm>
#include <deque>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

template <typename Key> static unsigned long churn(unsigned long seed)
{
	std::map<Key, std::vector<std::string>> tree;
	std::unordered_map<Key, std::shared_ptr<std::list<int>>> table;
	std::deque<std::unique_ptr<std::string>> queue;
	unsigned long sum = 0;

	for (int i = 0; i < 40000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		Key key = static_cast<Key>(seed >> 50);
		tree[key].push_back(std::string(seed >> 59, 'a' + i % 26));
		auto &list = table[key];
		if (!list)
			list = std::make_shared<std::list<int>>();
		list->push_back(i);
		queue.push_back(std::make_unique<std::string>(std::to_string(seed)));
		if (queue.size() > 1000)
			queue.pop_front();
		if (i % 7 == 0)
			tree.erase(tree.begin());
	}
	for (auto &[key, words] : tree)
		sum += words.size() * static_cast<unsigned long>(key);
	for (auto &[key, list] : table)
		sum += std::accumulate(list->begin(), list->end(), 0ul);
	return sum + queue.front()->size();
}

int main()
{
	std::vector<unsigned long> sums(8);
	std::vector<std::thread> threads;

	for (std::size_t i = 0; i < sums.size(); i++)
		threads.emplace_back([&sums, i] { sums[i] = churn<int>(i) + churn<long long>(i + 100); });
	for (auto &thread : threads)
		thread.join();
	for (auto sum : sums)
		std::cout << sum << "\n";
	std::stringstream text;
	for (int i = 0; i < 3000; i++)
		text << "name" << i << "=" << i * i << ";";
	std::string all = text.str();
	std::regex pair("name([0-9]+)=([0-9]+);");
	std::multiset<std::string> found;
	for (std::sregex_iterator at(all.begin(), all.end(), pair), end; at != end; ++at)
		found.insert((*at)[2]);
	std::cout << found.size() << " " << *found.begin() << "\n";
	try {
		std::vector<int>().at(7);
	} catch (const std::out_of_range &) {
		std::cout << "caught\n";
	}
}
END

# object_is_same NAME COMPILER ARG...: the object file, byte by byte.
object_is_same()
{
	local name=$1

	shift
	# The file's own name stands in it: both are written as one.
	(cd "$scratch" && "$@" -frandom-seed=1 -o made.o && mv made.o plain.o) &&
		(cd "$scratch" && preload "$@" -frandom-seed=1 -o made.o) &&
		cmp "$scratch/plain.o" "$scratch/made.o"
	tap_result $? "$name"
}

object_is_same "gcc compiles this project's own C" \
	gcc -std=gnu17 -O2 -g -include "$MSTAT_BUILD/config.h" -I"$MSTAT_SOURCE" \
	-I"$MSTAT_SOURCE/include" -c "$MSTAT_SOURCE/heap/central.c"
object_is_same "g++ compiles code full of templates" \
	g++ -std=c++17 -O1 -g -pthread -c containers.cc

tap_run "g++ links it" env LD_PRELOAD="$MSTAT_LIBRARY" \
	g++ -pthread "$scratch/made.o" -o "$scratch/containers"
same "the program that was made" "$scratch/containers" </dev/null
bound "the program that was made" "$scratch/containers"

tap_done
