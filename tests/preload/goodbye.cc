/*
 * goodbye.cc - thread-local objects of C++ whose destructors allocate, in threads
 * that end while others work; pthread_exit from main; detached threads at exit.
 */
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

extern "C" {
#include "tests/preload/tap.h"
}

namespace {

struct Diary {
	std::map<int, std::string> entries;

	~Diary()
	{
		std::map<int, std::string> copy(entries);
		for (auto &[key, text] : copy)
			entries[-key] = text + " and gone, with some more of it";
		last = entries.size();
	}

	static inline std::size_t last;
};

thread_local Diary diary;
thread_local std::unique_ptr<std::vector<std::string>> words;

void write_diary(int seed)
{
	words = std::make_unique<std::vector<std::string>>();
	for (int i = 1; i < 200; i++) {
		diary.entries[i + seed] = std::string(static_cast<std::size_t>(i), 'x');
		words->push_back(std::to_string(i * seed));
	}
}

} // namespace

int main()
{
	tap_begin();
	for (int round = 0; round < 40; round++) {
		std::vector<std::thread> threads;
		for (int i = 0; i < 16; i++)
			threads.emplace_back(write_diary, i + 1000);
		for (auto &thread : threads)
			thread.join();
	}
	tap_ok(Diary::last == 398, "thread-local objects tidy up when their threads end");
	write_diary(7);
	tap_done();
	/* The process ends when the last of these does, while they allocate. */
	for (int i = 0; i < 4; i++)
		std::thread(write_diary, 1 << i).detach();
	pthread_exit(nullptr);
}
