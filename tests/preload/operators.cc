/*
 * operators.cc - a program that replaces the forms of operator new and delete by
 * which the standard has all others go, and hands out no object's first byte.
 *
 * Proves, by its output's being the same without the library: each other form
 * goes by the replaced ones.
 */
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

struct Counts {
	int news, deletes, aligned_news, aligned_deletes;
} counts;

const std::size_t HEADER_BYTES = 64;
const std::size_t BYTES = 100;
const auto WIDE = std::align_val_t(HEADER_BYTES);

void say(const char *form)
{
	std::printf("%s: %d %d, aligned %d %d\n", form, counts.news, counts.deletes,
		counts.aligned_news, counts.aligned_deletes);
}

void *behind_header(void *start)
{
	return static_cast<char *>(start) + HEADER_BYTES;
}

void *header_of(void *ptr)
{
	return static_cast<char *>(ptr) - HEADER_BYTES;
}

} // namespace

void *operator new(std::size_t bytes)
{
	counts.news++;
	return behind_header(std::malloc(bytes + HEADER_BYTES));
}

void operator delete(void *ptr) noexcept
{
	counts.deletes++;
	std::free(header_of(ptr));
}

void *operator new(std::size_t bytes, std::align_val_t)
{
	counts.aligned_news++;
	return behind_header(std::aligned_alloc(HEADER_BYTES, bytes + HEADER_BYTES));
}

void operator delete(void *ptr, std::align_val_t) noexcept
{
	counts.aligned_deletes++;
	std::free(header_of(ptr));
}

int main()
{
	for (int i = 0; i < 1000; i++) {
		::operator delete(::operator new(BYTES), BYTES);
		::operator delete[](::operator new[](BYTES));
		::operator delete[](::operator new[](BYTES), BYTES);
		::operator delete(::operator new(BYTES, std::nothrow), std::nothrow);
		::operator delete[](::operator new[](BYTES, std::nothrow), std::nothrow);
	}
	say("plain");
	for (int i = 0; i < 1000; i++) {
		::operator delete(::operator new(BYTES, WIDE), BYTES, WIDE);
		::operator delete[](::operator new[](BYTES, WIDE), WIDE);
		::operator delete[](::operator new[](BYTES, WIDE), BYTES, WIDE);
		::operator delete(::operator new(BYTES, WIDE, std::nothrow), WIDE, std::nothrow);
		::operator delete[](
			::operator new[](BYTES, WIDE, std::nothrow), WIDE, std::nothrow);
	}
	say("aligned");
	return 0;
}
