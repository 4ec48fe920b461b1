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

/* g++ takes two of the names for those of C++20's own coroutines, which are built in. */
#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
#endif

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
	int is_relocatable; /* its stack may be moved: see coro_copystack() */
	int is_measured;    /* coro_stack_high_water() is exact; costs fresh pages */
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

#include "mstat_coro_inline.h"

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

/*
 * Another stack of `bytes` (as in struct coro_attr) for a suspended coroutine that is
 * relocatable: what stands on the old one is copied, and words there, and in arguments of
 * deferred calls, that point into the old one point to the same place in the new one.  A
 * pointer to a local variable that is kept anywhere else, a jmp_buf, and an alignment of
 * more than 16 bytes are lost.
 * EINVAL: co is NULL, or no such size; EPERM: it is not relocatable; EBUSY: it runs or
 * waits, or a C++ exception passes in it; ESRCH: it has finished; ENOSPC: too much is used,
 * or the barriers have no room; ENOMEM: all is as it was.
 */
int coro_copystack(struct coro *co, size_t bytes);

/*
 * Gives back memory of a stack that is not used at the moment.  One that is relocatable
 * becomes half as large if less than a quarter is used and it is not of the least size;
 * of another one the pages below the stack pointer go; of one that has finished the
 * stack.  EINVAL: co is NULL; EBUSY: it runs or waits; ENOMEM: all is as it was.
 */
int coro_shrink(struct coro *co);

/*
 * How many bytes of its stack a coroutine has used at most until now: up to the lowest
 * word that was ever not zero.  Also when it has finished, until it is destroyed, and of
 * the caller's, of which this call uses some.  0 if co is NULL.  It runs on no other thread.
 * Of one that is not measured (struct coro_attr): at most so many since the stack's pages
 * were last given back, other coroutines before included; 0 if it has no stack any more.
 */
size_t coro_stack_high_water(const struct coro *co);

/* Memory that is aligned to its size, below which nobody can write. */
struct coro_stack {
	void *lo;
	void *hi;     /* lo + bytes */
	size_t bytes; /* 0: there is none */
};

/*
 * A stack for whatever the program wants, from where those of coroutines are; what is on it
 * at first is not said.  EINVAL: out is NULL, or bytes is no power of two from 4 KiB to
 * 1 GiB; ENOMEM.
 */
int coro_stackalloc(struct coro_stack *out, size_t bytes);

/* Takes it back, and clears *stack.  EINVAL: it is none that was handed out. */
int coro_stackfree(struct coro_stack *stack);

/* Gives back to the OS what free stacks have of memory, and address space that no stack in
   use is in, of all threads; first it frees the coroutines that were destroyed and the
   calling thread, which does so at its end too, has kept for the next. */
void coro_trim(void);

/* Where it will go on, and what called that, the innermost first, as backtrace(3): how many
   of at most `most`.  Barriers are seen through.  -1 with EINVAL: co or pcs is NULL, or it
   runs on another thread. */
int coro_backtrace(const struct coro *co, void **pcs, int most);

/* ---- values of which each coroutine has its own ------------------------------ */

/* Never 0. */
typedef uint64_t coro_key;

enum { CORO_KEYS_MAX = 1024 }; /* at one time */

/*
 * *key becomes one by which each coroutine, and each thread's own stack, has a value of
 * its own: NULL until it sets one.  When a coroutine ends, in whatever way, or a thread
 * does, destroy(value) is called for each that is not NULL, on it, after its deferred
 * calls, the value then being NULL; as long as these set values, up to four times.
 * `destroy` may be NULL.
 * EAGAIN: there are CORO_KEYS_MAX.  EINVAL: key is NULL.
 */
int coro_key_create(coro_key *key, void (*destroy)(void *));

/* What was set by it is forgotten; no destructor is called.  EINVAL: there is no such key. */
int coro_key_delete(coro_key key);

/* The calling coroutine's.  EINVAL: there is no such key; ENOMEM. */
int coro_setspecific(coro_key key, const void *value);

/* NULL if there is none.  Not for a key that was deleted. */
void *coro_getspecific(coro_key key);

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

/* What a function that defers keeps in its frame: the first place, pc 0 if there is none.
   Further ones are kept apart. */
struct coro_frame {
	struct coro_point point;
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
/* Not the one that CORO_FRAME declares: in its function this name means another. */
struct coro_frame_is_here {
	char no;
};

#if defined(__cplusplus)
namespace coro_framed {
struct coro_frame_is_here {
	char yes[2];
};
}
struct coro_frame_guard {
	struct coro_frame frame;
	coro_frame_guard() : frame() {}
	coro_frame_guard(const coro_frame_guard &) = delete;
	coro_frame_guard &operator=(const coro_frame_guard &) = delete;
	inline ~coro_frame_guard() noexcept(false);
};
#define CORO_FRAME \
	using coro_framed::coro_frame_is_here; \
	coro_frame_guard coro_frame_here
#define CORO_FRAME_HERE (&coro_frame_here.frame)
#else
#if defined(__SANITIZE_ADDRESS__)
/* gcc's may have variables elsewhere than on the stack, but nothing of a size that it does
   not know; and the frames are told apart by where they are. */
#define CORO_FRAME \
	struct coro_frame_is_here { \
		char yes[2]; \
	}; \
	struct coro_frame *const coro_frame_here __attribute__((unused, cleanup(coro_frame_end_at))) = \
		coro_frame_clear(__builtin_alloca(coro_frame_bytes()))
#define CORO_FRAME_HERE coro_frame_here
#else
#define CORO_FRAME \
	struct coro_frame_is_here { \
		char yes[2]; \
	}; \
	struct coro_frame coro_frame_here __attribute__((unused, cleanup(coro_frame_end))) = {0}
#define CORO_FRAME_HERE (&coro_frame_here)
#endif
#endif

#define coro_defer(fn, args, bytes) coro_defer_at((fn), (args), (bytes), CORO_FRAME_HERE)

int coro_defer_at(void (*fn)(void *), const void *args, size_t bytes, struct coro_frame *frame)
	__attribute__((returns_twice));

/* The frame's deferred calls are made. */
void coro_frame_return(struct coro_frame *frame);

static __inline void coro_frame_end(struct coro_frame *frame)
{
	if (frame->point.pc != 0)
		coro_frame_return(frame);
}

static __inline size_t coro_frame_bytes(void)
{
	size_t bytes = sizeof(struct coro_frame);

	__asm__("" : "+r"(bytes));
	return bytes;
}

static __inline struct coro_frame *coro_frame_clear(void *room)
{
	struct coro_frame *frame = (struct coro_frame *)room;

	frame->point.pc = 0;
	return frame;
}

static __inline void coro_frame_end_at(struct coro_frame *const *frame)
{
	coro_frame_end(*frame);
}

/* ---- lexical deferred calls ------------------------------------------------------- */

/*
 *     CORO_DEFER(fn, arg);                  where a declaration may stand
 *
 * fn(arg), as both are now, when the scope that this stands in is left: at its end, by
 * return, break, continue or goto, by a C++ exception, by a panic that passes, and when the
 * coroutine exits.  The last is called first.  fn recovers from no panic.
 *
 * In code that is compiled for exceptions (C++, and C with -fexceptions) it costs what
 * the call costs, and panics then unwind: see coro_unwinds().  Otherwise, and below
 * CORO_FRAME in the same function, there is a record in the scope, which must then not be
 * left by longjmp(), nor by an exception that the code is not compiled for; fatal
 * "deferred call of nil", and "deferred call in foreign code".
 */
#define CORO_DEFER(fn, arg) CORO_DEFER_NUMBERED(fn, arg, __COUNTER__)

/* From now on the frames that a panic or an exit leaves are unwound, as by an exception:
   C++'s destructors and C's cleanup attributes are run, in the code that is compiled for
   exceptions.  C++ that includes this file calls it at start, and so does C that has a
   CORO_DEFER() without a record. */
void coro_unwinds(void);

/* Of a call that has one; the library's. */
struct coro_record {
	uintptr_t words[8];
};

void coro_record_push(struct coro_record *record, void (*fn)(void *), void *arg);

/* Whether it was there yet: no panic has made the call. */
int coro_record_take(struct coro_record *record);

/* The record is NULL where there is none, which the compiler knows. */
struct coro_lexical {
	void (*fn)(void *);
	void *arg;
	struct coro_record *record;
#if defined(__cplusplus)
	coro_lexical(void (*fn_now)(void *), void *arg_now, coro_record *record_here) :
		fn(fn_now), arg(arg_now), record(record_here)
	{
		if (record != nullptr)
			coro_record_push(record, fn, arg);
	}
	coro_lexical(const coro_lexical &) = delete;
	coro_lexical &operator=(const coro_lexical &) = delete;
	inline ~coro_lexical() noexcept(false);
#endif
};

/* The call is not made a jump, by which it could recover in its caller's place. */
static __inline void coro_lexical_end(struct coro_lexical *lexical)
{
	if (lexical->record == 0 || coro_record_take(lexical->record))
		lexical->fn(lexical->arg);
	__asm__ volatile("");
}

#if defined(__cplusplus)
#define CORO_LEXICAL(name, fn, arg, record) coro_lexical name((fn), (arg), (record))
#else
static __inline struct coro_lexical coro_lexical_begin(void (*fn)(void *), void *arg,
	struct coro_record *record)
{
	struct coro_lexical lexical;

	lexical.fn = fn;
	lexical.arg = arg;
	lexical.record = record;
	if (record != 0)
		coro_record_push(record, fn, arg);
	return lexical;
}
#define CORO_LEXICAL(name, fn, arg, record) \
	struct coro_lexical name __attribute__((unused, cleanup(coro_lexical_end))) = \
		coro_lexical_begin((fn), (arg), (record))
#endif

#if defined(__EXCEPTIONS)
#define CORO_HAS_RECORD (sizeof(struct coro_frame_is_here) > 1)
/*
 * Keeps the function from being inlined: into one that recovers, which a panic does not
 * unwind.  clang does not copy the address of a label, nor gcc the end of variable
 * arguments; neither takes an instruction.
 */
#if defined(__clang__)
#define CORO_NOT_INLINED \
	__extension__({ \
		__label__ coro_here; \
		__asm__ volatile("" : : "i"(&&coro_here)); \
	coro_here:; \
		0; \
	})
#else
#define CORO_NOT_INLINED \
	__extension__({ \
		__builtin_va_list coro_arguments; \
		__builtin_va_end(coro_arguments); \
		0; \
	})
#endif
#else
#define CORO_HAS_RECORD 1
#define CORO_NOT_INLINED 0
#endif

/* A function that the C library calls at start. */
#define CORO_AT_START(number, fn) \
	static void (*coro_at_start_##number)(void) __attribute__((used, section(".init_array"))) = (fn);

#if defined(__cplusplus) || !defined(__EXCEPTIONS)
#define CORO_UNWINDS_AT_START(number)
#else
#define CORO_UNWINDS_AT_START(number) \
	CORO_AT_START(number, CORO_HAS_RECORD ? coro_unwinds_not : coro_unwinds)
static __inline void coro_unwinds_not(void) {}
#endif
#if defined(__cplusplus) && defined(__EXCEPTIONS)
CORO_AT_START(all, coro_unwinds)
#endif

#define CORO_DEFER_NUMBERED(fn, arg, number) CORO_DEFER_NAMED(fn, arg, number)
#define CORO_DEFER_NAMED(fn, arg, number) \
	CORO_UNWINDS_AT_START(number) \
	struct coro_record coro_record_##number; \
	CORO_LEXICAL(coro_lexical_##number, fn, arg, CORO_HAS_RECORD ? &coro_record_##number : 0); \
	const int coro_not_inlined_##number __attribute__((unused)) = CORO_NOT_INLINED

/* ---- panics ----------------------------------------------------------------- */

/*
 * Makes the deferred calls of the coroutine, the last first, until one recovers; then
 * goes on where that call was deferred (see coro_defer).  If none does, what the panics
 * were is printed and the process exits with status 2.
 */
void coro_panic(void *value) __attribute__((noreturn));

/* In a function that a panic calls, directly and not in what that calls: the panic ends
   when the function returns; its value.  Anywhere else, and a second time: NULL.  (For
   __builtin_dwarf_cfa() clang gives the frame pointer on aarch64.) */
#define coro_recover() (coro_may_recover() ? coro_recover_at(CORO_FRAME_ADDRESS) : (void *)0)

#if defined(__clang__) && defined(__aarch64__)
#define CORO_FRAME_ADDRESS __builtin_sponentry()
#else
#define CORO_FRAME_ADDRESS __builtin_dwarf_cfa()
#endif

/* It returns once; but what calls a function that returns twice is never inlined, and
   so keeps a frame of its own. */
void *coro_recover_at(void *frame_address) __attribute__((returns_twice));

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

/* ---- barriers -------------------------------------------------------------------- */

enum coro_barriers {
	CORO_BARRIERS_SPACED = 0, /* the first 1 KiB above the stack pointer, each next twice as far */
	CORO_BARRIERS_OFF = 1,
	CORO_BARRIERS_ALL = 2     /* at every frame; half of each new stack is room for them */
};

/* For all threads; the room of stacks is what it was when they were allocated.  EINVAL. */
int coro_barriers_set(enum coro_barriers mode);

/*
 * Marks frames of a suspended coroutine, by their return addresses, so that coro_rescan()
 * tells how far it has returned since.  Earlier marks are taken off.
 * EINVAL: co is NULL; EBUSY: it runs or waits; ESRCH: it has finished.
 */
int coro_barriers_install(struct coro *co);

/* Takes them off.  Errors as coro_barriers_install().  Fatal "stack barrier lost" if one
   was overwritten. */
int coro_barriers_remove(struct coro *co);

/* Takes those off that are below sp, in the caller too: before something writes to its
   stack that it does not know.  Errors as coro_barriers_install(). */
int coro_barriers_unwind(struct coro *co, const void *sp);

/*
 * visit(lo, hi, arg) for the registers of a suspended coroutine, and for the part of its
 * stack that has run since coro_barriers_install(): up to the frame of the lowest mark
 * that is left, or all of it.  What lies above can have changed through pointers
 * alone.  Errors as coro_barriers_install(); EINVAL: visit is NULL.
 */
int coro_rescan(const struct coro *co, void (*visit)(const void *lo, const void *hi, void *arg),
	void *arg);

#ifdef __cplusplus
}

inline coro_frame_guard::~coro_frame_guard() noexcept(false)
{
	coro_frame_end(&frame);
}

inline coro_lexical::~coro_lexical() noexcept(false)
{
	coro_lexical_end(this);
}
#endif

#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
