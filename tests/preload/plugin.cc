/*
 * plugin.cc - a plugin in C++ for a program in C: it brings its own runtime, of
 * which the program's other libraries see nothing.
 */
#include <cstddef>
#include <cstdint>
#include <new>

namespace {
volatile std::size_t impossible = PTRDIFF_MAX;
}

extern "C" int plugin_catches();

/* 1: new threw the bad_alloc that is known here; 0: something else. */
extern "C" int plugin_catches()
{
	try {
		::operator delete(::operator new(impossible));
	} catch (const std::bad_alloc &) {
		return ::operator new(impossible, std::nothrow) == nullptr;
	} catch (...) {
	}
	return 0;
}
