/*
 * scarce.cc - memory that ends for other reasons than RLIMIT_AS (exhaustion.c), and in C++.
 *
 * Proves: under RLIMIT_DATA, and where the process has as many mappings as it may, malloc
 * gives NULL and ENOMEM, in a bounded number of system calls; what lives is whole; a large
 * object still grows or is refused, whole, however few mappings are left; when objects were
 * freed as many fit again, of other sizes too, and without the limit more.  new calls its
 * handler, which may free something, until that gives up, then throws bad_alloc; containers
 * survive it.  What the machine does not have is refused at once.  Under a cgroup's limit,
 * which refuses nothing, a heap that fits goes on fitting.
 *
 * The argument is the case.
 */
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "include/mstat.h"
extern "C" {
#include "tests/preload/tap.h"
}

#pragma weak mstat_snapshot

namespace {

constexpr std::size_t ROOM_BYTES = 48 << 20;
constexpr std::size_t PAGE = 4096;

/* What is kept lies outside of the heap: a chain through the objects. */
struct Kept {
	Kept *next;
	std::size_t bytes;
	char *last;
};

Kept *kept;
std::size_t kept_bytes, kept_count;

void keep(void *object, std::size_t bytes)
{
	auto *head = static_cast<Kept *>(object);

	*head = {kept, bytes, static_cast<char *>(object) + bytes - 1};
	if (bytes > sizeof(Kept))
		*head->last = 0x5a;
	kept = head;
	kept_bytes += bytes;
	kept_count++;
}

/* Frees all, or every second one; false if one of them was not whole. */
bool release(bool all)
{
	bool whole = true, keeps = false;
	Kept *object = kept, *left = nullptr;

	while (object != nullptr) {
		Kept *next = object->next;
		whole = whole && object->last == reinterpret_cast<char *>(object) + object->bytes - 1 &&
			(object->bytes == sizeof(Kept) || *object->last == 0x5a);
		keeps = !all && !keeps;
		if (keeps) {
			object->next = left;
			left = object;
		} else {
			kept_bytes -= object->bytes;
			kept_count--;
			free(object);
		}
		object = next;
	}
	kept = left;
	return whole;
}

/* What is not refused in time would fill the machine. */
void must_end()
{
	if (kept_bytes > 8 * ROOM_BYTES) {
		tap_ok(false, "there is an end");
		std::exit(1);
	}
}

std::size_t fill(std::size_t bytes)
{
	std::size_t count = 0;

	errno = 0;
	while (void *object = malloc(bytes)) {
		keep(object, bytes);
		must_end();
		count++;
	}
	return count;
}

void limit_data(std::size_t more_bytes)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	unsigned long pages = 0;

	if (more_bytes != 0) {
		std::FILE *statm = std::fopen("/proc/self/statm", "r");
		if (statm == nullptr || std::fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
			abort();
		std::fclose(statm);
		limit.rlim_cur = pages * PAGE + more_bytes;
	}
	if (setrlimit(RLIMIT_DATA, &limit) != 0)
		abort();
}

/* ---- mappings ------------------------------------------------------------------- */

/* Pages of which every other one may not be read: a mapping each. */
char *comb;
std::size_t comb_pages;

bool comb_make(std::size_t pages)
{
	void *memory = mmap(nullptr, pages * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);

	comb = static_cast<char *>(memory);
	comb_pages = pages;
	return memory != MAP_FAILED;
}

/* Until the process has as many mappings as it may; false if that is more than there are.
   What would only make one longer is refused when there is one more. */
bool mappings_use_up()
{
	static std::size_t page = 1;

	for (; page + 1 < comb_pages; page += 2) {
		if (mprotect(comb + page * PAGE, PAGE, PROT_NONE) == 0)
			continue;
		for (int i = 0; errno == ENOMEM && i < 100; i++)
			if (mmap(nullptr, PAGE, i % 2 == 0 ? PROT_NONE : PROT_READ,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
				return true;
		break;
	}
	return false;
}

/* So many mappings less: a hole in place of each. */
void mappings_give(int count)
{
	static std::size_t page = 1;

	for (; count > 0; count--, page += 2)
		munmap(comb + page * PAGE, PAGE);
}

bool is_all(const char *object, std::size_t bytes, char value)
{
	for (std::size_t at = 0; at < bytes; at++)
		if (object[at] != value)
			return false;
	return true;
}

/* With so many mappings to spare a large object grows, which moves it. */
bool grows_whole(int spare)
{
	const std::size_t bytes = 4 << 20;
	auto *object = static_cast<char *>(malloc(bytes)), *behind = static_cast<char *>(malloc(PAGE));
	void *room = malloc(3 * bytes);

	if (object == nullptr || behind == nullptr || room == nullptr)
		abort();
	std::memset(object, 7, bytes);
	free(room);
	if (!mappings_use_up())
		abort();
	mappings_give(spare);
	errno = 0;
	auto *grown = static_cast<char *>(realloc(object, 2 * bytes));
	bool whole = is_all(grown != nullptr ? grown : object, bytes, 7) &&
		(grown != nullptr || errno == ENOMEM);
	free(grown != nullptr ? grown : object);
	free(behind);
	return whole;
}

void test_growing()
{
	int whole = 0;

	for (int spare = 0; spare < 16; spare++)
		whole += grows_whole(spare);
	tap_is(16, whole, "with few mappings left a large object grows or stays, whole");
}

/* ---- what both have in common ------------------------------------------------------ */

/* Sizes of each kind, the largest first: what they leave over the next ones take. */
constexpr std::size_t sizes[] = {3 << 20, 300000, 40000, 5000, 700, sizeof(Kept)};

std::size_t fill_all()
{
	std::size_t before = kept_count;

	for (std::size_t bytes : sizes)
		fill(bytes);
	return kept_count - before;
}

void test_refusals()
{
	int refused = 0, tries = 0;

	for (std::size_t bytes : {std::size_t(100) << 20, std::size_t(8) << 20}) {
		for (int i = 0; i < 500; i++, tries++) {
			errno = 0;
			void *object = i % 2 == 0 ? malloc(bytes) : aligned_alloc(4096, bytes);
			refused += object == nullptr && errno == ENOMEM;
		}
	}
	tap_is(tries, refused, "a thousand more requests are refused with ENOMEM");
}

void test_cycle()
{
	std::size_t count = fill_all(), bytes = kept_bytes;

	tap_ok(errno == ENOMEM && count > 0, "%zu objects, %zu MiB, then NULL and ENOMEM", count,
		bytes >> 20);
	test_refusals();
	tap_ok(release(false), "every second one is freed: all were whole");
	fill_all();
	tap_ok(kept_bytes + bytes / 8 > bytes, "then as much fits again: %zu MiB", kept_bytes >> 20);
	tap_ok(release(true), "all are freed: all were whole");
	std::size_t large = fill(1 << 20);
	tap_ok((large << 20) + bytes / 4 > bytes, "and it is of use to one size alone: %zu MiB", large);
	release(true);
	std::size_t small = fill(96);
	tap_ok(96 * small + bytes / 4 > bytes, "and to another: %zu MiB", 96 * small >> 20);
	release(true);
}

/* ---- C++ --------------------------------------------------------------------------- */

std::vector<char *> *reserve;
int handler_calls;

void give_reserve()
{
	handler_calls++;
	if (reserve->empty())
		throw std::bad_alloc();
	for (int i = 0; i < 1000 && !reserve->empty(); i++) {
		delete[] reserve->back();
		reserve->pop_back();
	}
}

/* Its nodes are what fills memory. */
bool fills_by_new(std::size_t bytes)
{
	try {
		for (;; must_end())
			keep(::operator new(bytes), bytes);
	} catch (const std::bad_alloc &) {
		return true;
	}
}

void test_new()
{
	std::vector<char *> objects;

	for (int i = 0; i < 20000; i++)
		objects.push_back(new char[600]);
	reserve = &objects;
	fill_all();
	std::set_new_handler(give_reserve);
	bool thrown = fills_by_new(600);
	tap_ok(thrown && handler_calls >= 20 && objects.empty(),
		"new has its handler free what it has, %d times, then bad_alloc is thrown", handler_calls);
	std::set_new_handler(nullptr);
	tap_ok(::operator new(1 << 20, std::nothrow) == nullptr, "new that does not throw gives NULL");
	tap_ok(release(true), "all that new made was whole");
}

void test_containers()
{
	std::vector<std::string> words;
	bool thrown = false;

	try {
		for (int i = 0; i < 1000000; i++)
			words.push_back(std::string(500, 'a') + std::to_string(i));
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	std::size_t count = words.size();
	tap_ok(thrown && count > 10000 && words[count - 1].substr(500) == std::to_string(count - 1),
		"a vector of %zu strings is whole after bad_alloc", count);
	words.resize(count / 2);
	for (std::size_t i = count / 2; i < count - count / 16; i++)
		words.push_back(std::string(500, 'b'));
	tap_ok(words[0].size() == 501, "and grows again when it was cut");
}

/* ---- the cases ----------------------------------------------------------------------- */

int data_case()
{
	limit_data(ROOM_BYTES);
	test_cycle();
	test_new();
	test_containers();
	limit_data(0);
	void *large = malloc(4 * ROOM_BYTES);
	tap_ok(large != nullptr, "without the limit the heap grows again");
	free(large);
	return tap_done();
}

/* No more than what the runtime's start has made the heap of. */
int none_case()
{
	struct rlimit limit = {PAGE, RLIM_INFINITY}; /* 0 is no limit, for valgrind */
	int refused = 0;

	setrlimit(RLIMIT_DATA, &limit);
	for (std::size_t i = 0; i < 100; i++) {
		errno = 0;
		void *object = malloc((i + 2) << 20);
		refused += object == nullptr && errno == ENOMEM;
		free(object);
	}
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_DATA, &limit);
	void *object = malloc(100);
	tap_begin();
	tap_is(100, refused, "a process that may have no more data than at start gets NULL and ENOMEM");
	tap_ok(object != nullptr, "and memory when it may");
	free(object);
	return tap_done();
}

int mappings_case()
{
	constexpr std::size_t most = 1 << 20;

	/* What there is to share out when no more can be mapped. */
	free(malloc(ROOM_BYTES));
	if (!comb_make(2 * most) || !mappings_use_up()) {
		tap_ok(true, "as many mappings as there may be # SKIP that is more than %zu", most);
		return tap_done();
	}
	test_cycle();
	test_new();
	test_containers();
	test_growing();
	munmap(comb, comb_pages * PAGE);
	void *large = malloc(4 * ROOM_BYTES);
	tap_ok(large != nullptr, "when some are unmapped the heap grows again");
	free(large);
	return tap_done();
}

/* Under a cgroup's limit nothing is refused: who touches more is killed.  What was freed
   must then be used again by the next size, or go back to the OS in time. */
int cgroup_case()
{
	std::size_t rounds = 0;

	for (; rounds < 4; rounds++) {
		for (std::size_t bytes : sizes) {
			while (kept_bytes < ROOM_BYTES) {
				auto *object = static_cast<char *>(malloc(bytes));
				if (object == nullptr)
					abort();
				std::memset(object, 1, bytes);
				keep(object, bytes);
			}
			if (!release(rounds % 2 == 0) || !release(true))
				abort();
		}
	}
	tap_is(4, (long long)rounds, "a heap of one size after the other fits");
	return tap_done();
}

/* Ends by the kernel's hand. */
int greedy_case()
{
	for (std::size_t total = 0; total < 16 * ROOM_BYTES; total += 1 << 20) {
		void *object = malloc(1 << 20);
		if (object != nullptr)
			std::memset(object, 1, 1 << 20);
	}
	return 0;
}

/* In KiB. */
unsigned long machine_has()
{
	unsigned long memory = 0, swap = 0, figure;
	char line[128];
	std::FILE *file = std::fopen("/proc/meminfo", "r");

	while (file != nullptr && std::fgets(line, sizeof(line), file) != nullptr) {
		if (std::sscanf(line, "MemTotal: %lu", &figure) == 1)
			memory = figure;
		if (std::sscanf(line, "SwapTotal: %lu", &figure) == 1)
			swap = figure;
	}
	if (file != nullptr)
		std::fclose(file);
	return memory + swap;
}

int overcommit_case()
{
	int policy = EOF, refused = 0;
	std::FILE *file = std::fopen("/proc/sys/vm/overcommit_memory", "r");
	std::size_t bytes = machine_has() * 1024 * 2;

	if (file != nullptr) {
		policy = std::fgetc(file);
		std::fclose(file);
	}
	if (policy != '0' && policy != '2') {
		tap_ok(true, "what the machine does not have # SKIP vm.overcommit_memory grants it");
		return tap_done();
	}
	auto *object = static_cast<char *>(malloc(1 << 20));
	std::memset(object, 3, 1 << 20);
	for (int i = 0; i < 100; i++) {
		errno = 0;
		refused += malloc(bytes) == nullptr && errno == ENOMEM;
		refused += calloc(2, bytes) == nullptr && errno == ENOMEM;
		refused += realloc(object, bytes) == nullptr && errno == ENOMEM;
		refused += ::operator new(bytes, std::nothrow) == nullptr;
	}
	tap_is(400, refused, "twice of what the machine has is refused");
	tap_ok(is_all(object, 1 << 20, 3), "and the object that was to grow is whole");
	free(object);
	free(malloc(ROOM_BYTES));
	return tap_done();
}

} // namespace

int main(int argc, char **argv)
{
	const std::string name = argc > 1 ? argv[1] : "";

	if (name == "none")
		return none_case();
	if (name == "greedy")
		return greedy_case();
	tap_begin();
	if (name == "data")
		return data_case();
	if (name == "mappings")
		return mappings_case();
	if (name == "cgroup")
		return cgroup_case();
	return name == "overcommit" ? overcommit_case() : 2;
}
