/*
 * forked.cc - what a child of fork finds of a heap in which other threads were at work.
 *
 * The C++ runtime allocates when it is made ready, before the library is: its fork
 * handlers are there all the same.
 *
 * Proves: whatever the threads that a child does not have were about, its heap is in
 * order: nothing is freed that was freed before, what it had is untouched by what it
 * allocates, and what it frees is free.
 *
 *     forked [FORKS]     100
 */
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include "tests/preload/tap.h"
}

namespace {

enum {
	THREADS = 4,
	HELD = 400,         /* by each thread, now and again: more than a magazine has */
	KEPT = 1000,        /* by the process: half of it made by its threads */
	CHILD_OBJECTS = 3000,
	SIZES = 5
};

const std::size_t sizes[SIZES] = {16, 64, 100, 400, 3000};

char *kept[KEPT];
std::size_t kept_bytes[KEPT];
pthread_barrier_t has_kept;
bool is_over;

void keep(unsigned index)
{
	kept_bytes[index] = sizes[index % SIZES];
	kept[index] = new char[kept_bytes[index]];
	std::memset(kept[index], static_cast<int>(index), kept_bytes[index]);
}

/* All of a magazine out and in again, in another order each time, and what is beyond from
   the pool and back. */
void *thread_main(void *arg)
{
	unsigned number = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(arg));
	static __thread void *held[HELD];

	for (unsigned i = number; i < KEPT / 2; i += THREADS)
		keep(i);
	pthread_barrier_wait(&has_kept);
	for (std::uint32_t dice = number + 1; !__atomic_load_n(&is_over, __ATOMIC_RELAXED);) {
		std::size_t bytes = sizes[(dice >> 24) % SIZES];
		for (auto &object : held)
			object = malloc(bytes);
		for (unsigned left = HELD; left > 0; left--) {
			dice = dice * 1664525u + 1013904223u;
			void **any = &held[(dice >> 16) % left];
			free(*any);
			*any = held[left - 1];
		}
	}
	return nullptr;
}

bool are_whole()
{
	for (unsigned i = 0; i < KEPT; i++)
		for (std::size_t at = 0; at < kept_bytes[i]; at++)
			if (kept[i][at] != static_cast<char>(i))
				return false;
	return true;
}

/* Takes all that is free in its heap, and writes on it. */
int child_main()
{
	malloc_trim(0);
	for (unsigned i = 0; i < CHILD_OBJECTS; i++) {
		void *object = malloc(sizes[i % SIZES]);
		if (object == nullptr)
			return 2;
		std::memset(object, 0x5a, sizes[i % SIZES]);
	}
	if (!are_whole())
		return 3;
	for (auto object : kept)
		delete[] object;
	malloc_trim(0);
	return 0;
}

}

int main(int argc, char **argv)
{
	int forks = argc > 1 ? std::atoi(argv[1]) : 100, good = 0, status = 0, bad_status = 0;
	pthread_t threads[THREADS];

	tap_begin();
	pthread_barrier_init(&has_kept, nullptr, THREADS + 1);
	for (std::uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], nullptr, thread_main, reinterpret_cast<void *>(i)) != 0)
			return 2;
	pthread_barrier_wait(&has_kept);
	for (unsigned i = KEPT / 2; i < KEPT; i++)
		keep(i);
	for (int i = 0; i < forks; i++) {
		pid_t child = fork();
		if (child == 0) {
			alarm(60); /* a lock that nobody has is waited for in vain */
			_exit(child_main());
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 2;
		good += status == 0;
		bad_status = status != 0 ? status : bad_status;
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (auto thread : threads)
		pthread_join(thread, nullptr);
	tap_is(forks, good, "the children of a process whose threads allocate find their heap in order");
	if (bad_status != 0)
		tap_note("one ended with status %#x", static_cast<unsigned>(bad_status));
	tap_ok(are_whole(), "and their parent finds what it had");
	return tap_done();
}
