/*
 * coro/personality.c - where exceptions end.
 *
 * WHY        What resumed a coroutine has not called it: an exception that leaves it has
 *            nowhere to go.  The unwinder asks each frame whether it handles one, the
 *            coroutine's first too, and gets its answer here.
 */
#include <unwind.h>

#include "base/compiler.h"
#include "base/fatal.h"

HIDDEN _Unwind_Reason_Code coro_personality(int version, _Unwind_Action actions,
	_Unwind_Exception_Class class, struct _Unwind_Exception *exception,
	struct _Unwind_Context *context);

_Unwind_Reason_Code coro_personality(int version, _Unwind_Action actions,
	_Unwind_Exception_Class class, struct _Unwind_Exception *exception,
	struct _Unwind_Context *context)
{
	(void)version;
	(void)class;
	(void)exception;
	(void)context;
	if ((actions & _UA_SEARCH_PHASE) != 0)
		fatal("an exception left a coroutine");
	return _URC_CONTINUE_UNWIND;
}
