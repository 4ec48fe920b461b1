#include "tests/coro/seen.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unwind.h>

enum { DEEPEST = 64 };

/* Of this program's functions: not the library's, which may be linked into it, nor what
   C++ makes of its header. */
static void name_print(const void *address)
{
	Dl_info info, here;

	if (dladdr(address, &info) != 0 && dladdr((void *)(uintptr_t)stop_here, &here) != 0 &&
		info.dli_fbase == here.dli_fbase && info.dli_sname != NULL &&
		strncmp(info.dli_sname, "coro_", 5) != 0 && strncmp(info.dli_sname, "_Z", 2) != 0)
		printf(" %s", info.dli_sname);
}

static _Unwind_Reason_Code frame_print(struct _Unwind_Context *context, void *depth)
{
	int is_before, *count = depth;
	uintptr_t pc = _Unwind_GetIPInfo(context, &is_before);

	name_print((void *)(pc - !is_before));
	return ++*count < DEEPEST ? _URC_NO_REASON : _URC_END_OF_STACK;
}

void stop_here(void)
{
	void *addresses[DEEPEST];
	int count = backtrace(addresses, DEEPEST), depth = 0;

	printf("backtrace:");
	for (int i = 0; i < count; i++)
		name_print((char *)addresses[i] - 1);
	printf("\nunwinder:");
	_Unwind_Backtrace(frame_print, &depth);
	printf("\n");
	fflush(stdout);
}
