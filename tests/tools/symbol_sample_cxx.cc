// symbol_sample_cxx.cc - the part of symbol_sample.h that is C++.
#include <cstdint>
#include <utility>

namespace sample {

volatile unsigned calls;

template <typename T> struct holder {
	[[gnu::noinline]] static std::uint64_t leaf()
	{
		calls = calls + 1;
		return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
	}

	[[gnu::noinline]] static std::uint64_t taken(std::pair<T, const char *> pair)
	{
		std::uint64_t address = leaf();
		calls = calls + static_cast<unsigned>(pair.first);
		return address;
	}
};

}

extern "C" std::uint64_t sample_taken(void)
{
	return sample::holder<int>::taken({static_cast<int>(sample::calls), "text"});
}
