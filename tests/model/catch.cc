/*
 * catch.cc - what the model needs of C++ itself: to catch, and to be the new-handler.
 */
#include <new>

extern "C" {
#include "tests/model/entries.h"
#include "tests/model/kernel.h"
}

namespace {

__thread struct request *current;

void handler()
{
	if (current == nullptr || !current->may_relieve)
		throw std::bad_alloc();
	current->may_relieve = false;
	kernel_refuse(0, 0, 0);
}

}

extern "C" void *entry_catch(void *(*make)(struct request *request), struct request *request)
{
	void *ptr = nullptr;

	current = request;
	try {
		ptr = make(request);
	} catch (const std::bad_alloc &) {
		request->has_thrown = true;
	}
	current = nullptr;
	return ptr;
}

extern "C" void entry_handler_install(void)
{
	std::set_new_handler(handler);
}
