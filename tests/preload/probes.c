/*
 * probes.c - what the static probes of libmstat.so tell (profile/probes.h), for probes.sh.
 *
 *     probes work FILE             allocates and frees, and writes down what
 *     probes watch LIBRARY FILE    runs that under ptrace with a breakpoint on each probe, and
 *                                  compares, in TAP
 *
 * FILE is shared: before the program allocates or frees, it writes which step it is at; then a
 * probe that stops it is of that step.  The arguments are where the notes say that they are.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/tap.h"

enum {
	STEPS_MAX = 60000,
	EVENTS_MAX = 60000,
	PLACES = 500,
	ARGUMENTS_MAX = 3,
	PAUSE_STEPS = 100,    /* samples that come too fast are taken more rarely */
	PAUSE_MICROSECONDS = 5000
};

/* What a step asks for, and what it gets. */
struct step {
	uint64_t freed;       /* 0: nothing */
	uint64_t allocated;   /* 0: nothing */
	uint64_t bytes;
};

struct shared {
	uint64_t at;          /* the step that is being done */
	struct step steps[STEPS_MAX];
};

static struct shared *shared_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0)
		abort();
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		abort();
	close(fd);
	return shared;
}

/* ---- the program --------------------------------------------------------------------------- */

static unsigned next_random(void)
{
	static unsigned state = 1;

	state = state * 1103515245u + 12345u;
	return state >> 8;
}

static size_t some_size(void)
{
	unsigned kind = next_random() % 100;

	/* A whole number of what some are aligned to: what is asked for is rounded up to it. */
	return 64 * (1 + next_random() % (kind < 70 ? 6 : kind < 98 ? 140 : 4600));
}

static void *some_alloc(size_t bytes)
{
	switch (next_random() % 3) {
	case 0:
		return malloc(bytes);
	case 1:
		return calloc(1, bytes);
	default:
		return aligned_alloc(64, bytes);
	}
}

/* An object is allocated, freed, or made another size: by a little, or by much. */
static void step_do(struct step *step, void **place, size_t *bytes)
{
	step->freed = (uintptr_t)*place;
	if (*place != NULL && next_random() % 3 != 0) {
		free(*place);
		*place = NULL;
		return;
	}
	size_t want = *place == NULL ? some_size() : *bytes * (50 + next_random() % 200) / 100 + 1;
	step->bytes = want;
	*place = *place == NULL ? some_alloc(want) : realloc(*place, want);
	step->allocated = (uintptr_t)*place;
	*bytes = want;
}

static int work(const char *path)
{
	static void *places[PLACES];
	static size_t bytes[PLACES];
	struct shared *shared = shared_map(path);

	raise(SIGSTOP);
	for (uint64_t at = 0; at < STEPS_MAX; at++) {
		unsigned i = next_random() % PLACES;
		*(volatile uint64_t *)&shared->at = at;
		step_do(&shared->steps[at], &places[i], &bytes[i]);
		if (at % PAUSE_STEPS == 0)
			usleep(PAUSE_MICROSECONDS);
	}
	_exit(0);
}

/* ---- the notes ----------------------------------------------------------------------------- */

struct probe {
	uint64_t address;     /* as the file has it */
	int argument_count;
	int argument_bytes[ARGUMENTS_MAX];
	char registers[ARGUMENTS_MAX][8];
};

static struct probe alloc_probe, free_probe;

/* "8@%rdi 8@%rsi", or "8@x0": each how long, and where. */
static void arguments_read(struct probe *probe, const char *text)
{
	char place[16];
	int bytes, used;

	while (probe->argument_count < ARGUMENTS_MAX &&
		sscanf(text, " %d@%15s%n", &bytes, place, &used) == 2) {
		probe->argument_bytes[probe->argument_count] = bytes;
		snprintf(probe->registers[probe->argument_count++], sizeof(probe->registers[0]), "%.7s",
			place + (place[0] == '%'));
		text += used;
	}
}

/* Three addresses, then provider, name and arguments. */
static void note_read(const char *description, uint64_t moved)
{
	uint64_t address;
	const char *provider = description + 3 * sizeof(uint64_t);
	const char *name = provider + strlen(provider) + 1;
	struct probe *probe = strcmp(name, "alloc") == 0 ? &alloc_probe : &free_probe;

	memcpy(&address, description, sizeof(address));
	if (strcmp(provider, "otel_memory") != 0)
		return;
	probe->address = address + moved;
	arguments_read(probe, name + strlen(name) + 1);
}

static const Elf64_Shdr *section_find(const char *image, const char *name)
{
	const Elf64_Ehdr *header = (const void *)image;
	const Elf64_Shdr *sections = (const void *)(image + header->e_shoff);
	const char *names = image + sections[header->e_shstrndx].sh_offset;

	for (int i = 0; i < header->e_shnum; i++)
		if (strcmp(names + sections[i].sh_name, name) == 0)
			return &sections[i];
	return NULL;
}

static int notes_read(const char *library)
{
	struct stat status;
	int fd = open(library, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) != 0)
		return 0;
	const char *image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	const Elf64_Shdr *notes = section_find(image, ".note.stapsdt");
	const Elf64_Shdr *base = section_find(image, ".stapsdt.base");
	if (notes == NULL || base == NULL)
		return 0;
	for (uint64_t at = 0; at < notes->sh_size;) {
		const Elf64_Nhdr *note = (const void *)(image + notes->sh_offset + at);
		const char *description = (const char *)(note + 1) + (note->n_namesz + 3) / 4 * 4;
		uint64_t linked_base;
		memcpy(&linked_base, description + sizeof(uint64_t), sizeof(linked_base));
		note_read(description, base->sh_addr - linked_base);
		at += (uint64_t)(description - (const char *)note) + (note->n_descsz + 3) / 4 * 4;
	}
	return alloc_probe.address != 0 && free_probe.address != 0;
}

/* ---- the breakpoints ----------------------------------------------------------------------- */

struct event {
	uint64_t at;
	int is_alloc;
	uint64_t arguments[ARGUMENTS_MAX];
};

static struct event events[EVENTS_MAX];
static size_t event_count;

#if defined(__x86_64__)
enum { TRAP_BYTES = 1, BEFORE_TRAP_BYTES = 1 }; /* the probe's nop is as long */
static const unsigned char trap[TRAP_BYTES] = {0xcc};

static uint64_t *program_counter(struct user_regs_struct *registers)
{
	return (uint64_t *)&registers->rip;
}

static uint64_t register_of(const struct user_regs_struct *registers, const char *name)
{
	static const struct {
		const char *name;
		size_t offset;
	} known[] = {
#define KNOWN(name) {#name, offsetof(struct user_regs_struct, name)}
		KNOWN(rax), KNOWN(rbx), KNOWN(rcx), KNOWN(rdx), KNOWN(rsi), KNOWN(rdi), KNOWN(rbp),
		KNOWN(r8), KNOWN(r9), KNOWN(r10), KNOWN(r11), KNOWN(r12), KNOWN(r13), KNOWN(r14),
		KNOWN(r15)};
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			memcpy(&value, (const char *)registers + known[i].offset, sizeof(value));
	return value;
}
#else
enum { TRAP_BYTES = 4, BEFORE_TRAP_BYTES = 0 };
static const unsigned char trap[TRAP_BYTES] = {0x00, 0x00, 0x20, 0xd4};

static uint64_t *program_counter(struct user_regs_struct *registers)
{
	return (uint64_t *)&registers->pc;
}

static uint64_t register_of(const struct user_regs_struct *registers, const char *name)
{
	return registers->regs[atoi(name + 1)];
}
#endif

static void trap_set(pid_t pid, uint64_t address)
{
	uint64_t start = address & ~(uint64_t)7;
	long word = ptrace(PTRACE_PEEKTEXT, pid, (void *)start, NULL);

	memcpy((char *)&word + (address - start), trap, sizeof(trap));
	if (ptrace(PTRACE_POKETEXT, pid, (void *)start, (void *)word) != 0)
		abort();
}

/* Where the library's first byte is. */
static uint64_t library_base(pid_t pid, const char *library)
{
	char path[64], line[4096], real[4096];
	unsigned long start = 0, found = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "r");
	if (maps == NULL || realpath(library, real) == NULL)
		abort();
	while (found == 0 && fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, real) != NULL && sscanf(line, "%lx", &start) == 1)
			found = start;
	fclose(maps);
	return found;
}

static void event_take(const struct probe *probe, const struct user_regs_struct *registers,
	const struct shared *shared)
{
	struct event *event = &events[event_count];

	if (event_count == EVENTS_MAX)
		abort();
	event_count++;
	event->at = *(const volatile uint64_t *)&shared->at;
	event->is_alloc = probe == &alloc_probe;
	for (int i = 0; i < probe->argument_count; i++)
		event->arguments[i] = register_of(registers, probe->registers[i]);
}

/* Of a stop: at one of the probes, or any other signal, which is the program's. */
static int stop_handle(pid_t pid, uint64_t base, const struct shared *shared)
{
	struct user_regs_struct registers;
	struct iovec all = {&registers, sizeof(registers)};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all) != 0)
		abort();
	uint64_t address = *program_counter(&registers) - BEFORE_TRAP_BYTES - base;
	if (address != alloc_probe.address && address != free_probe.address)
		return 0;
	event_take(address == alloc_probe.address ? &alloc_probe : &free_probe, &registers, shared);
	/* What the trap stands for does nothing. */
	*program_counter(&registers) = base + address + TRAP_BYTES;
	if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &all) != 0)
		abort();
	return 1;
}

/* -1: it may not be traced here. */
static int program_watch(const char *program, const char *library, const char *path,
	const struct shared *shared)
{
	pid_t pid = fork();
	uint64_t base = 0;
	int status, signal_number;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(126);
		setenv("LD_PRELOAD", library, 1);
		execl(program, program, "work", path, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		signal_number = WSTOPSIG(status);
		if (signal_number == SIGSTOP && base == 0) {
			base = library_base(pid, library);
			trap_set(pid, base + alloc_probe.address);
			trap_set(pid, base + free_probe.address);
			signal_number = 0;
		} else if (signal_number == SIGTRAP && (base == 0 || stop_handle(pid, base, shared))) {
			signal_number = 0; /* of exec, or a probe */
		}
		ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)signal_number);
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 126 ? -1 : WEXITSTATUS(status);
	return 128 + WTERMSIG(status);
}

/* ---- what is compared ---------------------------------------------------------------------- */

/* Each allocation that is told of is the step's own, with what it asked for. */
static size_t wrong_allocs(const struct shared *shared)
{
	size_t wrong = 0;

	for (size_t i = 0; i < event_count; i++) {
		const struct event *event = &events[i];
		const struct step *step = &shared->steps[event->at];
		int is_right = !event->is_alloc || (event->arguments[0] == step->allocated &&
			event->arguments[1] == step->bytes &&
			event->arguments[2] >= event->arguments[1]);
		wrong += !is_right;
		if (!is_right && wrong < 5)
			tap_note("step %llu: %#llx %llu %llu, not %#llx %llu",
				(unsigned long long)event->at, (unsigned long long)event->arguments[0],
				(unsigned long long)event->arguments[1],
				(unsigned long long)event->arguments[2],
				(unsigned long long)step->allocated, (unsigned long long)step->bytes);
	}
	return wrong;
}

/* Each end is of what the step frees, and of what was told to be there. */
static size_t wrong_frees(const struct shared *shared, size_t *left)
{
	static uint64_t live[EVENTS_MAX];
	size_t wrong = 0, count = 0;

	for (size_t i = 0; i < event_count; i++) {
		uint64_t address = events[i].arguments[0];
		size_t at = 0;
		while (at < count && live[at] != address)
			at++;
		int is_known = at < count;
		if (events[i].is_alloc) {
			wrong += (size_t)is_known;
			live[count++] = address;
			continue;
		}
		wrong += !is_known || shared->steps[events[i].at].freed != address;
		if (is_known)
			live[at] = live[--count];
	}
	*left = count;
	return wrong;
}

/* Whose samples end is told: of a step that frees one that is there, there is an event. */
static size_t missing_frees(const struct shared *shared)
{
	size_t missing = 0;

	for (size_t i = 0; i < event_count; i++) {
		if (!events[i].is_alloc)
			continue;
		uint64_t address = events[i].arguments[0], end = events[i].at + 1;
		while (end < STEPS_MAX && shared->steps[end].freed != address)
			end++;
		size_t told = i + 1;
		while (told < event_count && (events[told].is_alloc || events[told].at != end))
			told++;
		missing += end < STEPS_MAX && told == event_count;
	}
	return missing;
}

/* The weights' sum is what was allocated, as far as samples can tell. */
static void sums_compare(const struct shared *shared)
{
	double allocated = 0, told = 0;

	for (size_t i = 0; i < STEPS_MAX; i++)
		allocated += shared->steps[i].freed == 0 ? (double)shared->steps[i].bytes : 0;
	for (size_t i = 0; i < event_count; i++)
		if (events[i].is_alloc && shared->steps[events[i].at].freed == 0)
			told += (double)events[i].arguments[2];
	tap_note("%zu events, %.0f of %.0f bytes", event_count, told, allocated);
	tap_ok(told > allocated * 0.8 && told < allocated * 1.2,
		"the weights' sum is what was allocated");
}

static int watch(const char *program, const char *library, const char *path)
{
	struct shared *shared = shared_map(path);
	size_t left;

	tap_ok(notes_read(library), "the notes tell of both probes");
	int status = program_watch(program, library, path, shared);
	if (status < 0) {
		printf("ok 2 - the probes fire # SKIP no process may be traced here\n1..2\n");
		return 0;
	}
	tap_ok(status == 0, "the program ends well under the probes");
	tap_ok(event_count > 500, "they fire");
	tap_ok(wrong_allocs(shared) == 0, "each allocation is told as it was made");
	tap_ok(wrong_frees(shared, &left) == 0, "each end is of what was told to be there");
	tap_ok(missing_frees(shared) == 0, "no end is missing");
	tap_ok(left > 0 && left <= PLACES, "what is left is alive");
	sums_compare(shared);
	return tap_done();
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "work") == 0)
		return work(argv[2]);
	if (argc == 4 && strcmp(argv[1], "watch") == 0)
		return watch(argv[0], argv[2], argv[3]);
	return 2;
}
