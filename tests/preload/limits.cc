/*
 * limits.cc - every entry point that allocates or frees, asked for what there cannot be.
 *
 * Proves, for each by its name: a size, product or alignment that no address space holds
 * is refused as its kind refuses - NULL and ENOMEM, ENOMEM as the result, bad_alloc - and
 * nothing is changed, least of all an object that was to grow; what is granted and what
 * is freed leaves errno alone.
 *
 *     limits          all of it
 *     limits names    the names: limits.sh compares them with what the library exports
 */
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <malloc.h>
#include <new>
#include <string>
#include <vector>

extern "C" {
#include "include/mstat.h"
#include "tests/preload/tap.h"
}

#pragma weak mstat_alloc
#pragma weak mstat_lookup
#pragma weak mstat_finalizer_set

namespace {

/* By their arguments.  A token comes last, and who does not know of tokens does not look
   at it. */
enum Kind {
	SIZE,         /* (bytes) */
	HINTED,       /* (bytes, hints) */
	PRODUCT,      /* (count, bytes) */
	RESIZED,      /* (ptr, bytes) */
	RESIZED_ARRAY,/* (ptr, count, bytes) */
	ALIGNED,      /* (alignment, bytes) */
	POSIX,        /* (out, alignment, bytes) */
	NEW,          /* (bytes), as the next three throws or not */
	NEW_NOTHROW,
	NEW_ALIGNED,
	NEW_ALIGNED_NOTHROW,
};

struct Entry {
	std::string name;
	Kind kind;
};

const std::vector<Entry> plain = {{"malloc", SIZE}, {"valloc", SIZE}, {"pvalloc", SIZE},
	{"calloc", PRODUCT}, {"realloc", RESIZED}, {"reallocarray", RESIZED_ARRAY},
	{"memalign", ALIGNED}, {"aligned_alloc", ALIGNED}, {"posix_memalign", POSIX}};

const std::vector<Entry> news = {{"_Znwm", NEW}, {"_Znam", NEW},
	{"_ZnwmRKSt9nothrow_t", NEW_NOTHROW}, {"_ZnamRKSt9nothrow_t", NEW_NOTHROW},
	{"_ZnwmSt11align_val_t", NEW_ALIGNED}, {"_ZnamSt11align_val_t", NEW_ALIGNED},
	{"_ZnwmSt11align_val_tRKSt9nothrow_t", NEW_ALIGNED_NOTHROW},
	{"_ZnamSt11align_val_tRKSt9nothrow_t", NEW_ALIGNED_NOTHROW}};

const std::vector<std::string> deletes = {"_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm",
	"_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t", "_ZdlPvmSt11align_val_t",
	"_ZdaPvmSt11align_val_t", "_ZdlPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t",
	"_ZdlPvSt11align_val_tRKSt9nothrow_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t"};

std::vector<Entry> all_entries()
{
	std::vector<Entry> all = plain;

	all.push_back({"mstat_alloc", HINTED});
	for (const char *name : {"malloc", "valloc", "pvalloc"})
		all.push_back({std::string("__libc_") + name, SIZE});
	all.push_back({"__libc_calloc", PRODUCT});
	all.push_back({"__libc_realloc", RESIZED});
	all.push_back({"__libc_memalign", ALIGNED});
	all.push_back({"__posix_memalign", POSIX});
	all.insert(all.end(), news.begin(), news.end());
	for (const char *prefix : {"__alloc_token_", "__alloc_token_0_", "__alloc_token_1_",
		     "__alloc_token_2_", "__alloc_token_3_"})
		for (const auto *entries : {&plain, &news})
			for (const Entry &entry : *entries)
				all.push_back({prefix + entry.name, entry.kind});
	return all;
}

const std::size_t PTRDIFF = PTRDIFF_MAX, ONE = 1;
const std::size_t too_big[] = {PTRDIFF, PTRDIFF + 1, PTRDIFF - 4096, PTRDIFF - 8191, SIZE_MAX,
	SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 4094, SIZE_MAX - 4095, SIZE_MAX - 8191,
	SIZE_MAX - 65535, SIZE_MAX / 2 + 8192, ONE << 62, ONE << 47, ONE << 46};
const std::size_t products[][2] = {{ONE << 32, ONE << 32}, {SIZE_MAX / 16 + 2, 16},
	{16, SIZE_MAX / 16 + 2}, {SIZE_MAX, 2}, {2, SIZE_MAX}, {SIZE_MAX, SIZE_MAX},
	{SIZE_MAX / 2 + 1, 2}, {3, SIZE_MAX / 3 + 1}, {PTRDIFF, 3}, {ONE << 31, ONE << 32}};
const std::size_t aligns[] = {8, 16, 64, 4096, 8192, 65536, ONE << 21, ONE << 30, ONE << 40,
	ONE << 62, ONE << 63};

/* Of a half without pointers, of the other, and what is given where no type was found. */
std::vector<std::size_t> tokens_of(const Entry &entry)
{
	if (entry.kind == HINTED)
		return {0, MSTAT_NOSCAN, MSTAT_COLLECTABLE, MSTAT_NOSCAN | MSTAT_COLLECTABLE};
	if (entry.name.find("token") != std::string::npos)
		return {0, 1, 3, PTRDIFF, SIZE_MAX};
	return {0};
}

/* One call: its arguments, and what came of it. */
struct Call {
	std::size_t align, count, bytes, token;
	void *object;
	void *got;
	int error; /* as its kind says so; 0: none */
	bool is_kept;  /* errno, where it is not how its kind says so */
};

void *const UNTOUCHED = reinterpret_cast<void *>(0x1234);

typedef void *Three(std::size_t, std::size_t, std::size_t, std::size_t);

void *call_plain(const Entry &entry, Three *function, const Call &call)
{
	auto object = reinterpret_cast<std::size_t>(call.object);
	auto tag = reinterpret_cast<std::size_t>(&std::nothrow);

	switch (entry.kind) {
	case SIZE:
	case HINTED: /* its tokens are hints */
	case NEW:
		return function(call.bytes, call.token, 0, 0);
	case PRODUCT:
		return function(call.count, call.bytes, call.token, 0);
	case RESIZED:
		return function(object, call.bytes, call.token, 0);
	case RESIZED_ARRAY:
		return function(object, call.count, call.bytes, call.token);
	case ALIGNED:
		return function(call.align, call.bytes, call.token, 0);
	case NEW_NOTHROW:
		return function(call.bytes, tag, call.token, 0);
	case NEW_ALIGNED:
		return function(call.bytes, call.align, call.token, 0);
	default:
		return function(call.bytes, call.align, tag, call.token);
	}
}

void make_call(const Entry &entry, void *function, Call &call)
{
	const int was = 77;

	call.error = 0;
	call.is_kept = true;
	errno = was;
	if (entry.kind == POSIX) {
		auto *posix = reinterpret_cast<int (*)(void **, std::size_t, std::size_t, std::size_t)>(
			function);
		call.got = UNTOUCHED;
		call.error = posix(&call.got, call.align, call.bytes, call.token);
		call.is_kept = errno == was && (call.error == 0) != (call.got == UNTOUCHED);
		call.got = call.got == UNTOUCHED ? nullptr : call.got;
		return;
	}
	try {
		call.got = call_plain(entry, reinterpret_cast<Three *>(function), call);
		if (call.got == nullptr) /* of new it is not said what errno is */
			call.error = entry.kind < NEW ? errno : ENOMEM;
		else
			call.is_kept = errno == was;
	} catch (const std::bad_alloc &) {
		call.got = nullptr;
		call.error = entry.kind == NEW || entry.kind == NEW_ALIGNED ? ENOMEM : EFAULT;
	}
}

/* The objects that are to be resized: each way that there is to have one. */
void nothing(void *, void *)
{
}

std::vector<void *> objects_to_resize()
{
	std::vector<void *> objects = {nullptr, std::malloc(100), std::malloc(100000),
		std::malloc(1 << 20), memalign(4096, 64)};

	if (mstat_alloc != nullptr) { /* under another malloc there is none */
		for (unsigned hints : {MSTAT_NOSCAN, MSTAT_COLLECTABLE})
			for (std::size_t bytes : {13, 200})
				objects.push_back(mstat_alloc(bytes, hints));
		objects.push_back(std::malloc(48));
		mstat_finalizer_set(objects.back(), nothing, nullptr);
	}
	for (void *object : objects)
		if (object != nullptr)
			std::memset(object, 0x5a, 13);
	return objects;
}

bool is_whole(void *object)
{
	static const char want[] = "ZZZZZZZZZZZZZ"; /* 13 of 0x5a */
	void *base;

	return object == nullptr || (std::memcmp(object, want, 13) == 0 &&
		(mstat_lookup == nullptr ||
			(mstat_lookup(object, &base, nullptr) == 0 && base == object)));
}

struct Verdict {
	int good, bad;
};

void refusal(const Entry &entry, void *function, Call call, Verdict &verdict)
{
	make_call(entry, function, call);
	if (call.got == nullptr && call.error == ENOMEM && call.is_kept && is_whole(call.object)) {
		verdict.good++;
		return;
	}
	if (verdict.bad++ < 3)
		tap_note("align %#zx, %#zx of %#zx, token %#zx, object %p: %p, error %d", call.align,
			call.count, call.bytes, call.token, call.object, call.got, call.error);
}

bool is_aligned_kind(Kind kind)
{
	return kind == ALIGNED || kind == POSIX || kind == NEW_ALIGNED || kind == NEW_ALIGNED_NOTHROW;
}

void refuse_sizes(const Entry &entry, void *function, const Call &like, Verdict &verdict)
{
	for (std::size_t bytes : too_big) {
		Call call = like;
		call.bytes = bytes;
		refusal(entry, function, call, verdict);
		if (entry.kind == PRODUCT || entry.kind == RESIZED_ARRAY) {
			call.count = bytes;
			call.bytes = 1;
			refusal(entry, function, call, verdict);
		}
	}
	if (entry.kind == PRODUCT || entry.kind == RESIZED_ARRAY)
		for (const auto &product : products) {
			Call call = like;
			call.count = product[0];
			call.bytes = product[1];
			refusal(entry, function, call, verdict);
		}
}

void test_refusals(const Entry &entry, void *function, const std::vector<void *> &objects)
{
	bool resizes = entry.kind == RESIZED || entry.kind == RESIZED_ARRAY;
	Verdict verdict = {0, 0};

	for (std::size_t token : tokens_of(entry)) {
		Call call = {16, 1, 1, token, nullptr, nullptr, 0, true};
		for (std::size_t i = 0; i < (resizes ? objects.size() : 1); i++) {
			call.object = resizes ? objects[i] : nullptr;
			refuse_sizes(entry, function, call, verdict);
		}
		if (!is_aligned_kind(entry.kind))
			continue;
		for (std::size_t align : aligns) {
			call.align = align;
			refuse_sizes(entry, function, call, verdict);
		}
		for (std::size_t align = ONE << 46; align != 0; align <<= 1)
			for (std::size_t bytes : {std::size_t(0), ONE, std::size_t(100), ONE << 20}) {
				call.align = align;
				call.bytes = bytes;
				refusal(entry, function, call, verdict);
			}
	}
	tap_ok(verdict.bad == 0 && verdict.good > 10, "%s refuses what cannot be, %d cases",
		entry.name.c_str(), verdict.good);
}

void test_grants(const Entry &entry, void *function)
{
	int bad = 0;

	for (std::size_t token : tokens_of(entry))
		for (std::size_t bytes = 0; bytes < (1 << 20); bytes += bytes + 1) {
			Call call = {256, 1, bytes, token, nullptr,
				nullptr, 0, true};
			make_call(entry, function, call);
			std::size_t usable = malloc_usable_size(call.got);
			bool is_good = call.got != nullptr && call.error == 0 && call.is_kept &&
				usable >= bytes && (!is_aligned_kind(entry.kind) ||
				reinterpret_cast<std::uintptr_t>(call.got) % 256 == 0);
			bad += !is_good;
			if (is_good)
				std::memset(call.got, 0xa5, usable);
			errno = 77;
			std::free(call.got);
			bad += errno != 77;
		}
	tap_is(0, bad, (entry.name + " grants what can be, all of it usable, and leaves errno alone").c_str());
}

typedef void Free(void *ptr, std::size_t, std::size_t);

/* What each of the frees is told of the object. */
void free_by(const std::string &name, Free *function, void *ptr, std::size_t bytes)
{
	bool knows_bytes = name == "free_sized" || name.rfind("_ZdlPvm", 0) == 0 ||
		name.rfind("_ZdaPvm", 0) == 0;

	if (name == "free_aligned_sized")
		function(ptr, 256, bytes);
	else if (name == "realloc" || name == "__libc_realloc")
		function(ptr, 0, 0);
	else if (name == "reallocarray")
		function(ptr, 0, 8);
	else if (knows_bytes)
		function(ptr, bytes, 256);
	else
		function(ptr, 256, reinterpret_cast<std::size_t>(&std::nothrow));
}

std::vector<std::string> all_frees()
{
	std::vector<std::string> all = {"free", "cfree", "free_sized", "free_aligned_sized",
		"__libc_free", "realloc", "__libc_realloc", "reallocarray"};

	all.insert(all.end(), deletes.begin(), deletes.end());
	return all;
}

/* All sizes at once, so that some of it goes back to the kernel. */
void test_frees(const std::string &name, Free *function)
{
	/* Whose size is said without an alignment was asked for without one. */
	bool is_plain = name == "free_sized" || name == "_ZdlPvm" || name == "_ZdaPvm";
	std::vector<void *> objects;
	std::vector<std::size_t> sizes;

	for (std::size_t bytes = 1; bytes < (9 << 20); bytes += bytes / 4 + 1) {
		sizes.push_back(bytes);
		objects.push_back(is_plain ? std::malloc(bytes) : memalign(256, bytes));
		std::memset(objects.back(), 1, bytes);
	}
	errno = 77;
	for (std::size_t i = 0; i < objects.size(); i++)
		free_by(name, function, objects[i], sizes[i]);
	tap_is(77, errno, (name + (name.find("realloc") == std::string::npos
				? " keeps errno, small and large"
				: " of no bytes keeps errno, small and large")).c_str());
	for (std::size_t i = 0; name.find("realloc") == std::string::npos && i < 100; i++)
		free_by(name, function, nullptr, 0);
}

} // namespace

int main(int argc, char **argv)
{
	if (argc > 1) {
		for (const Entry &entry : all_entries())
			std::printf("%s\n", entry.name.c_str());
		for (const std::string &name : all_frees())
			std::printf("%s\n", name.c_str());
		return argv[1][0] != 'n';
	}
	tap_begin();
	std::vector<void *> objects = objects_to_resize();
	for (const Entry &entry : all_entries()) {
		void *function = dlsym(RTLD_DEFAULT, entry.name.c_str());
		if (!tap_ok(function != nullptr, "%s is there", entry.name.c_str()))
			continue;
		test_refusals(entry, function, objects);
		if (entry.kind != RESIZED && entry.kind != RESIZED_ARRAY)
			test_grants(entry, function);
	}
	for (const std::string &name : all_frees()) {
		void *function = dlsym(RTLD_DEFAULT, name.c_str());
		if (tap_ok(function != nullptr, "%s is there", name.c_str()))
			test_frees(name, reinterpret_cast<Free *>(function));
	}
	return tap_done();
}
