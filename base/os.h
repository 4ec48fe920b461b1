/*
 * base/os.h - every system call that the allocator makes for memory and time.
 *
 * WHY        One thin file between the heap and the kernel: what the heap
 *            needs is said in its own terms, failure is injected here, and
 *            errno is left alone (a free must not change it).  None goes by a
 *            function that a library of the program could stand in for
 *            (base/syscall.h).
 *
 * UNITS      Bytes, whole pages of OS_PAGE_BYTES.  Where the kernel's pages
 *            are larger (aarch64 with 16 or 64 KiB) os_page_bytes() says so, and
 *            whoever releases rounds inwards; what is not whole is not moved.
 */
#ifndef BASE_OS_H
#define BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

enum {
	OS_HUGE_PAGE_BYTES = 2 << 20
};

/*
 * Set for good when the program announces that it forbids itself system calls: one more
 * than it knows of may be its end.  From then on nothing but memory, locks and time is
 * asked for, and os_thread_name() and os_thread_mark() say that they do not know.
 */
extern HIDDEN bool os_is_confined;

/* The kernel's page size. */
size_t os_page_bytes(void);

/* Fresh zero memory, readable and writable, anywhere.  NULL if refused. */
void *os_map(size_t bytes);

/* The same at this very address, which must be free.  False if it is taken or
   the kernel refuses; *taken tells the two apart. */
bool os_map_at(void *address, size_t bytes, bool *taken);

/* Address space that nothing else will take and nobody may touch. */
void *os_reserve(size_t bytes);

/* Makes reserved pages usable, or only reserved again. */
bool os_commit(void *address, size_t bytes);
bool os_reserve_again(void *address, size_t bytes); /* its memory is gone */

void os_unmap(void *address, size_t bytes);

/* Whether a word may be read there.  False in a process that is confined: nobody knows. */
bool os_can_read(const void *address);

/* Pages that nobody may touch from now on, until they are unmapped; where the kernel can,
   without a mapping of their own.  False if it refuses. */
bool os_guard(void *address, size_t bytes);

/* The same without a mapping of their own, or not at all; what stood in them is gone, and so
   their memory.  unmark: they may be touched again, and read zero. */
bool os_guard_mark(void *address, size_t bytes);
bool os_guard_unmark(void *address, size_t bytes);

/* mprotect(2). */
bool os_protect(void *address, size_t bytes, int protection);

/* Gives the pages back to the kernel; they read zero afterwards.  False if
   the kernel kept them (locked memory), with their contents. */
bool os_release(void *address, size_t bytes);

/* Asks for huge pages, or no longer. */
void os_want_huge(void *address, size_t bytes, bool want);

/* Makes huge pages of the small ones that are there, at once; not before 6.1. */
void os_make_huge(void *address, size_t bytes);

/* Whether pages of a file are read alone or, as usual, with their neighbours: while they are
   alone they are a mapping of their own. */
bool os_read_alone(void *address, size_t bytes, bool alone);

/* Makes the pages be there, to be written.  0, or an error's number. */
int os_populate(void *address, size_t bytes);

/* Moves the pages at `from` to `to`, replacing what is there.  `from` stays
   mapped and reads zero.  False: nothing moved. */
bool os_move(void *from, void *to, size_t bytes);

/* Names a mapping in /proc/PID/maps, where the kernel can. */
void os_name(void *address, size_t bytes, const char *name);

/* Makes these bytes read zero in a child of fork.  False: an old kernel, or an emulator. */
bool os_wipe_on_fork(void *address, size_t bytes);

void os_futex_wait(uint32_t *word, uint32_t expected);
void os_futex_wake(uint32_t *word, int thread_count);
void os_yield(void);

/* write(2) until all is written.  False: an error, errno says which. */
bool os_write(int fd, const void *bytes, size_t count);

/* Whether write(2) of a line would be neither a signal, since nobody reads any more, nor,
   with `at_once`, a wait. */
bool os_can_write(int fd, bool at_once);

/* The whole of a small file of /proc into `buffer`.  Bytes read, or -1. */
ssize_t os_read_file(const char *path, void *buffer, size_t capacity_bytes);

uint64_t os_realtime_ns(void);
uint64_t os_boottime_ns(void); /* since the boot, sleep included */
uint64_t os_coarse_ns(void);  /* monotonic, a few milliseconds' grain, cheap */
uint64_t os_coarse_realtime_ns(void);
int os_thread_id(void);
int os_thread_mark(void);     /* the same for the books; 0 in a process that is confined */
void os_thread_name(char name[16]);
uint64_t os_random_word(uint64_t salt); /* of this process; by the salt always the same */
int os_process_id(void);      /* asks the kernel: right in any child */

static inline void os_cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield" ::: "memory");
#endif
}

#endif
