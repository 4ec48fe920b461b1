/*
 * mstat_coro.h - coroutines with stacks of their own, deferred calls, panics, calls
 * out to foreign code.
 *
 * WHY        What Go's runtime gives to Go, for C and C++: a function that can be left in
 *            the middle and gone on with; calls that are made on every way out of a
 *            function; errors that unwind to whoever recovers from them; and code that
 *            needs a large stack run on the thread's own.
 *
 * LINKING    -lmstat_coro (pkg-config mstat_coro).  It runs on any malloc.
 *
 * THREADS    A coroutine runs on one thread at a time, and may go on on another, unless
 *            it is locked to its thread.  Two threads must not use the same one at the
 *            same time; different ones they may.
 *
 * ERRORS     What returns int returns 0 or an error number, which errno is set to as
 *            well.  What returns a pointer returns CORO_FAILED then.  Misuse that cannot
 *            be told so ends the process by one line on stderr and abort().
 *
 * SOURCES    The rules are those of five changes of the Go runtime (docs/conformance.md).
 */
#ifndef MSTAT_CORO_H
#define MSTAT_CORO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct coro;

/* No value that a coroutine passes should be this one. */
#define CORO_FAILED ((void *)-1)

enum {
	CORO_STACK_BYTES = 64 << 10, /* unless an attribute asks for another size */
	CORO_NAME_BYTES = 32         /* of a name, its NUL included */
};

enum coro_status {
	CORO_SUSPENDED = 0, /* new, or it yielded */
	CORO_RUNNING = 1,
	CORO_WAITING = 2,   /* for one that it resumed */
	CORO_FINISHED = 3
};

/* All zero: as everybody. */
struct coro_attr {
	size_t stack_bytes; /* a power of two from 4 KiB to 1 GiB; 0: CORO_STACK_BYTES */
	const char *name;   /* copied, cut if it is long; NULL: none */
};

/*
 * *out becomes a coroutine that will run fn(arg) when it is first resumed.
 * EINVAL: out or fn is NULL, or the stack size is none that can be had.  ENOMEM.
 */
int coro_create(struct coro **out, const struct coro_attr *attr, void (*fn)(void *), void *arg);

/*
 * Runs a suspended coroutine until it yields or ends: what it yields, what it gave to
 * coro_exit(), or NULL if its function returned.  `value` is what its coro_yield()
 * returns; the first time nobody gets it.
 * CORO_FAILED: EINVAL co is NULL; ESRCH it has finished; EBUSY it runs, waits, or this
 * is foreign code outside of a callback; EPERM it is locked to another thread.
 */
void *coro_resume(struct coro *co, void *value);

/*
 * Back to whoever resumed the caller, whose coro_resume() returns `value`; what the next
 * coro_resume() brings.
 * CORO_FAILED: EPERM the caller is no coroutine; EBUSY it is inside a foreign call, whose
 * frames lie on the thread's own stack.
 */
void *coro_yield(void *value);

/* Suspends the caller and runs another in its place: that one then yields to whoever
   resumed the caller.  Outside a coroutine it is coro_resume().  Errors of both. */
void *coro_transfer(struct coro *co, void *value);

/* Ends the calling coroutine; its deferred calls are made first.  What coro_resume()
   returns.  Fatal "exit outside a coroutine" on a thread's own stack. */
void coro_exit(void *value) __attribute__((noreturn));

/*
 * A suspended coroutine ends as if its coro_yield() were a coro_exit(): its deferred
 * calls are made.  One that has finished is left as it is.
 * EINVAL: co is NULL.  EBUSY: it runs or waits.  EPERM: it is locked to another thread.
 * EAGAIN: a deferred call yielded; it goes on when it is resumed or cancelled again.
 */
int coro_cancel(struct coro *co);

/* Cancels it unless it has finished, and frees it.  Errors as coro_cancel(): nothing was
   freed. */
int coro_destroy(struct coro *co);

/* The coroutine that calls; NULL on a thread's own stack. */
struct coro *coro_self(void);

/* -1 with EINVAL if co is NULL. */
int coro_status(const struct coro *co);
const char *coro_name(const struct coro *co); /* "" if it has none */

/* ---- deferred calls --------------------------------------------------------- */

/* Registers that calls keep, at the place that a recovery returns to. */
struct coro_point {
#if defined(__aarch64__)
	uintptr_t registers[20];
#else
	uintptr_t registers[6];
#endif
	uintptr_t sp;
	uintptr_t pc;
};

/* What a function that defers keeps in its frame. */
struct coro_frame {
	struct coro_point point; /* of the first place, pc 0 if there is none; further ones are kept apart */
};

/*
 *     CORO_FRAME;                           at the top of a function that defers
 *     coro_defer(fn, args, bytes)           anywhere below it, any number of times
 *
 * fn gets a pointer to a copy of the arguments, aligned to 16 bytes, when the function
 * that has CORO_FRAME is left, by whatever way; the last that was deferred is called
 * first.  It returns 0; and 1, at the same place, when such a call has recovered from
 * a panic: the function should then return, which makes the deferred calls that are left.
 * What the function changed since is then only current if it is volatile (as after
 * setjmp).  Fatal "no memory for a deferred call" if there is none.
 */
#if defined(__cplusplus)
struct coro_frame_guard {
	struct coro_frame frame;
	coro_frame_guard() : frame() {}
	coro_frame_guard(const coro_frame_guard &) = delete;
	coro_frame_guard &operator=(const coro_frame_guard &) = delete;
	inline ~coro_frame_guard() noexcept(false);
};
#define CORO_FRAME coro_frame_guard coro_frame_here
#define CORO_FRAME_HERE (&coro_frame_here.frame)
#else
#define CORO_FRAME \
	struct coro_frame coro_frame_here __attribute__((cleanup(coro_frame_end))) = {0}
#define CORO_FRAME_HERE (&coro_frame_here)
#endif

#define coro_defer(fn, args, bytes) coro_defer_at((fn), (args), (bytes), CORO_FRAME_HERE)

int coro_defer_at(void (*fn)(void *), const void *args, size_t bytes, struct coro_frame *frame)
	__attribute__((returns_twice));

/* The frame's deferred calls are made. */
void coro_frame_return(struct coro_frame *frame);

static inline void coro_frame_end(struct coro_frame *frame)
{
	if (frame->point.pc != 0)
		coro_frame_return(frame);
}

/* ---- panics ----------------------------------------------------------------- */

/*
 * Makes the deferred calls of the coroutine, the last first, until one recovers; then
 * goes on where that call was deferred (see coro_defer).  If none does, what the panics
 * were is printed and the process exits with status 2.
 */
void coro_panic(void *value) __attribute__((noreturn));

/* In a function that a panic calls, directly and not in what that calls: the panic ends
   when the function returns; its value.  Anywhere else, and a second time: NULL. */
#define coro_recover() coro_recover_at(__builtin_dwarf_cfa())

void *coro_recover_at(void *frame_address);

/* How a panic's value is printed if nobody recovers: at most `bytes` into `text`, NUL
   included.  NULL: as an address, as it was.  For all threads. */
void coro_set_panic_text(void (*fn)(void *value, char *text, size_t bytes));

/* ---- foreign calls ---------------------------------------------------------- */

/*
 * fn(arg) on the thread's own stack, which is large, and for code that may not be left in
 * the middle.  The coroutine is locked to its thread meanwhile.  Its value.
 * Fatal: "foreign call unavailable" outside of a coroutine, "foreign call of nil".
 */
void *coro_foreign(void *(*fn)(void *), void *arg);

/*
 * From such code: fn(arg) on the coroutine's stack again.  A panic there unwinds both
 * stacks.  Its value.
 * Fatal: "bad coroutine in callback" if it is not the caller's coroutine that runs,
 * "misaligned stack in callback".
 */
void *coro_callback(void *(*fn)(void *), void *arg);

/* How many foreign calls there were, on all threads. */
uint64_t coro_foreign_count(void);

/* Nobody else's thread goes on with the calling coroutine until it was unlocked as often.
   EPERM outside of one, or if it is not locked. */
int coro_lock_thread(void);
int coro_unlock_thread(void);

#ifdef __cplusplus
}

inline coro_frame_guard::~coro_frame_guard() noexcept(false)
{
	coro_frame_end(&frame);
}
#endif

#endif
