/*
 * profile/probes.h - static probes that tell profilers outside of each sample, as it comes and
 * as it goes: OpenTelemetry's otel_memory:alloc(ptr, size, weight) and otel_memory:free(ptr).
 *
 * WHY        A profiler of the whole machine attaches to them by the file's notes
 *            (.note.stapsdt), walks the stack itself, and needs nothing of the process.  While
 *            nobody listens each is an instruction that does nothing, where a sample is taken
 *            or ends: no other call comes by here.
 *
 * CONTRACT   Weight is in bytes: what the sample stands for, so that its sum is what was
 *            allocated.  The arguments are in the registers of a function's first ones, where
 *            who does not read the notes' descriptions looks for them.  An address is told to
 *            be free before anybody else can have it.
 *
 * NOT HERE   A semaphore: nothing is worked out for the probes alone.  Where <sys/sdt.h> was
 *            missing (profile/probes_none.c) there are none.
 */
#ifndef PROFILE_PROBES_H
#define PROFILE_PROBES_H

#include <stdint.h>

#include "base/compiler.h"

void probe_alloc(const void *object, uint64_t size_bytes, uint64_t weight_bytes) NOINLINE;
void probe_free(const void *object) NOINLINE;

#endif
