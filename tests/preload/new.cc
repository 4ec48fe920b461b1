/*
 * new.cc - every form of C++'s operator new and delete.
 *
 * Proves: each form allocates from the library, aligned, and each form of delete
 * frees; one that fails calls the program's new-handler until it gives up, then
 * throws the program's own std::bad_alloc; the nothrow forms return NULL; what a
 * handler throws arrives; a C program's plugin has its own runtime found.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "include/mstat.h"
extern "C" {
#include "tests/preload/tap.h"
}

#pragma weak mstat_snapshot

namespace {

volatile std::size_t impossible = PTRDIFF_MAX; /* that the compiler does not know */
volatile std::size_t unmappable = std::size_t(1) << 46;
int handler_calls;

struct Counts {
	std::uint64_t nmalloc, nfree;
};

Counts counts()
{
	static struct mstat_snapshot now;

	now.struct_bytes = sizeof(now);
	if (::mstat_snapshot(&now) != 0)
		abort();
	return {now.nmalloc, now.nfree};
}

bool is_aligned(void *ptr, std::size_t alignment)
{
	return ptr != nullptr && reinterpret_cast<std::uintptr_t>(ptr) % alignment == 0;
}

void *written(void *ptr, std::size_t bytes)
{
	if (ptr != nullptr)
		std::memset(ptr, 0x5a, bytes);
	return ptr;
}

void test_forms()
{
	auto wide = std::align_val_t(128);
	Counts before = counts();
	bool aligned = true;

	for (std::size_t bytes : {std::size_t(0), std::size_t(1), std::size_t(100), std::size_t(5000),
		     std::size_t(100000)}) {
		void *plain[] = {::operator new(bytes), ::operator new[](bytes),
			::operator new(bytes, std::nothrow), ::operator new[](bytes, std::nothrow),
			::operator new(bytes), ::operator new[](bytes), ::operator new(bytes),
			::operator new[](bytes)};
		void *over[] = {::operator new(bytes, wide), ::operator new[](bytes, wide),
			::operator new(bytes, wide, std::nothrow),
			::operator new[](bytes, wide, std::nothrow), ::operator new(bytes, wide),
			::operator new[](bytes, wide)};
		for (void *ptr : plain)
			aligned = aligned && is_aligned(written(ptr, bytes), 16);
		for (void *ptr : over)
			aligned = aligned && is_aligned(written(ptr, bytes), 128);
		::operator delete(plain[0]);
		::operator delete[](plain[1]);
		::operator delete(plain[2], std::nothrow);
		::operator delete[](plain[3], std::nothrow);
		::operator delete(plain[4], bytes);
		::operator delete[](plain[5], bytes);
		::operator delete(plain[6]);
		::operator delete[](plain[7]);
		::operator delete(over[0], wide);
		::operator delete[](over[1], wide);
		::operator delete(over[2], wide, std::nothrow);
		::operator delete[](over[3], wide, std::nothrow);
		::operator delete(over[4], bytes, wide);
		::operator delete[](over[5], bytes, wide);
	}
	::operator delete(nullptr);
	::operator delete[](nullptr, std::nothrow);
	Counts after = counts();
	tap_ok(aligned, "every form of new gives aligned memory");
	tap_is(5 * 14, (long long)(after.nmalloc - before.nmalloc), "each is one allocation");
	tap_is(5 * 14, (long long)(after.nfree - before.nfree), "each form of delete is one free");
}

void count_and_give_up()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

void throw_length_error()
{
	throw std::length_error("from the handler");
}

void throw_bad_alloc()
{
	throw std::bad_alloc();
}

template <typename New> bool throws_bad_alloc(New allocate)
{
	try {
		allocate();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

template <typename New> void test_failure(const char *name, New allocate)
{
	char text[120];

	std::set_new_handler(nullptr);
	snprintf(text, sizeof(text), "%s throws bad_alloc", name);
	tap_ok(throws_bad_alloc(allocate), "%s", text);
	handler_calls = 0;
	std::set_new_handler(count_and_give_up);
	snprintf(text, sizeof(text), "%s calls the handler until it gives up", name);
	tap_ok(throws_bad_alloc(allocate) && handler_calls == 3, "%s", text);
	std::set_new_handler(throw_length_error);
	bool arrived = false;
	try {
		allocate();
	} catch (const std::length_error &) {
		arrived = true;
	}
	tap_ok(arrived, "what the handler of %s throws arrives", name);
	std::set_new_handler(nullptr);
}

template <typename New> void test_nothrow(const char *name, New allocate)
{
	std::set_new_handler(nullptr);
	tap_ok(allocate() == nullptr, "%s gives NULL", name);
	handler_calls = 0;
	std::set_new_handler(count_and_give_up);
	tap_ok(allocate() == nullptr && handler_calls == 3, "%s calls the handler first", name);
	std::set_new_handler(throw_bad_alloc);
	tap_ok(allocate() == nullptr, "%s gives NULL when the handler throws", name);
	std::set_new_handler(nullptr);
}

void test_failures()
{
	auto wide = std::align_val_t(4096);

	test_failure("new", [] { return ::operator new(impossible); });
	test_failure("new[]", [] { return ::operator new[](unmappable); });
	test_failure("aligned new", [=] { return ::operator new(unmappable, wide); });
	test_failure("aligned new[]", [=] { return ::operator new[](impossible, wide); });
	test_nothrow("nothrow new", [] { return ::operator new(impossible, std::nothrow); });
	test_nothrow("nothrow new[]", [] { return ::operator new[](unmappable, std::nothrow); });
	test_nothrow("aligned nothrow new",
		[=] { return ::operator new(unmappable, wide, std::nothrow); });
	test_nothrow("aligned nothrow new[]",
		[=] { return ::operator new[](impossible, wide, std::nothrow); });
}

void test_library_types()
{
	tap_ok(throws_bad_alloc([] { std::vector<char>().reserve(unmappable); }),
		"a vector's reserve throws bad_alloc");
	tap_ok(throws_bad_alloc([] { std::string text(unmappable, 'x'); }), "and so does a string");
	std::vector<std::string> words;
	for (int i = 0; i < 100000; i++)
		words.push_back("word number " + std::to_string(i));
	tap_ok(words[99999] == "word number 99999", "and what fits works on");
}

void *throw_in_thread(void *)
{
	bool thrown = throws_bad_alloc([] { return ::operator new(impossible); });

	return thrown ? &handler_calls : nullptr;
}

void test_thread()
{
	pthread_t thread;
	void *result = nullptr;

	if (pthread_create(&thread, nullptr, throw_in_thread, nullptr) == 0)
		pthread_join(thread, &result);
	tap_ok(result != nullptr, "bad_alloc is thrown on a thread too");
}

} // namespace

int main()
{
	tap_begin();
	test_forms();
	test_failures();
	test_library_types();
	test_thread();
	return tap_done();
}
