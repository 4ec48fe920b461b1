#include "profile/loaded.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/bits.h"
#include "base/maps.h"
#include "base/os.h"
#include "base/table.h"
#include "stats/box.h"

/* What the loader says of an address. */
struct found {
	uintptr_t start;
	uintptr_t end;
	uintptr_t bias;
	const char *name;           /* "" for the program */
	const unsigned char *header; /* of the unwinding tables */
};

struct object {
	struct box_module module;
	uint64_t generation;        /* of the box's part */
	/* With the range, what tells it from another, which may be as large and stand there. */
	const unsigned char *header;
	const unsigned char *build_id; /* where it is in memory; NULL: it has none */
};

static struct table objects = {.entry_bytes = sizeof(struct object), .first_bits = 1};

static struct object *object_at(uint32_t number)
{
	return table_at(&objects, number);
}

static uint32_t object_count;
static uint32_t last_found; /* callers of callers are often in the same */

/* ---- the loader -------------------------------------------------------------------------- */

#if defined(DLFO_STRUCT_HAS_EH_DBASE) /* glibc 2.35 */

/* An object with gaps is as many as it has segments. */
static bool loader_find(uintptr_t pc, struct found *found)
{
	struct dl_find_object answer;

	if (_dl_find_object((void *)pc, &answer) != 0)
		return false;
	*found = (struct found){.start = (uintptr_t)answer.dlfo_map_start,
		.end = (uintptr_t)answer.dlfo_map_end,
		.bias = answer.dlfo_link_map->l_addr,
		.name = answer.dlfo_link_map->l_name,
		.header = answer.dlfo_eh_frame};
	return true;
}

#else /* the loader's lock is taken, which its holders do not keep while they allocate */

struct search {
	uintptr_t pc;
	struct found *found;
};

static int visit(struct dl_phdr_info *info, size_t info_bytes, void *arg)
{
	struct search *search = arg;
	struct found found = {.start = UINTPTR_MAX, .bias = info->dlpi_addr, .name = info->dlpi_name};

	(void)info_bytes;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + segment->p_vaddr;
		if (segment->p_type == PT_GNU_EH_FRAME)
			found.header = (const unsigned char *)at;
		if (segment->p_type != PT_LOAD)
			continue;
		found.start = at < found.start ? at : found.start;
		found.end = at + segment->p_memsz > found.end ? at + segment->p_memsz : found.end;
	}
	if (search->pc < found.start || search->pc >= found.end)
		return 0;
	*search->found = found;
	return 1;
}

static bool loader_find(uintptr_t pc, struct found *found)
{
	struct search search = {.pc = pc, .found = found};

	return dl_iterate_phdr(visit, &search) != 0;
}

#endif

bool loaded_find_tables(uintptr_t pc, struct cfi_tables *tables)
{
	struct found found;

	if (!loader_find(pc, &found) || found.header == NULL)
		return false;
	/* Those of one with gaps are in another of its segments. */
	const unsigned char *header = found.header;
	if ((uintptr_t)header - found.start >= found.end - found.start &&
		!loader_find((uintptr_t)header, &found))
		return false;
	*tables = (struct cfi_tables){.header = header, .start = (const unsigned char *)found.start,
		.end = (const unsigned char *)found.end};
	return true;
}

bool loaded_find_range(uintptr_t pc, uintptr_t *start, uintptr_t *end)
{
	struct found found;

	if (!loader_find(pc, &found))
		return false;
	*start = found.start;
	*end = found.end;
	return true;
}

/* ---- what is told of one ------------------------------------------------------------------- */

static void build_id_take(struct object *object, const unsigned char *id, size_t bytes)
{
	if (bytes == 0 || bytes > BOX_BUILD_ID_BYTES)
		return;
	memcpy(object->module.build_id, id, bytes);
	object->module.build_id_bytes = bytes;
	object->build_id = id;
}

static void notes_look(struct object *object, uintptr_t at, size_t bytes)
{
	while (bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
		size_t name_bytes = bits_round_up(note->n_namesz, 4);
		size_t note_bytes = sizeof(*note) + name_bytes + bits_round_up(note->n_descsz, 4);
		const unsigned char *name = (const unsigned char *)(note + 1);
		if (note_bytes > bytes)
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof(ELF_NOTE_GNU) &&
			memcmp(name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0)
			build_id_take(object, name + name_bytes, note->n_descsz);
		at += note_bytes;
		bytes -= note_bytes;
	}
}

/* An address in the same object, whose segments may lie apart. */
static bool is_of_same(const struct found *found, uintptr_t address)
{
	struct found other;

	return loader_find(address, &other) && other.bias == found->bias &&
		other.name == found->name && os_can_read((const void *)address);
}

/* Behind the header of its file, which is mapped where the first segment is. */
static const ElfW(Phdr) *segments_behind(const struct found *found, uintptr_t start, size_t *count)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)start;

	if (!is_of_same(found, start) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
		header->e_phentsize != sizeof(ElfW(Phdr)))
		return NULL;
	uintptr_t segments = start + header->e_phoff;
	*count = header->e_phnum;
	bool is_there = *count != 0 && is_of_same(found, segments) &&
		is_of_same(found, segments + *count * sizeof(ElfW(Phdr)) - 1);
	return is_there ? (const ElfW(Phdr) *)segments : NULL;
}

/* Of the program the kernel told. */
static const ElfW(Phdr) *segments_find(const struct found *found, size_t *count)
{
	if (found->name[0] == '\0' && getauxval(AT_PHENT) == sizeof(ElfW(Phdr))) {
		*count = getauxval(AT_PHNUM);
		return (const ElfW(Phdr) *)getauxval(AT_PHDR);
	}
	const ElfW(Phdr) *segments = segments_behind(found, found->start, count);
	return segments != NULL ? segments : segments_behind(found, found->bias, count);
}

static void build_id_find(struct object *object, const struct found *found)
{
	size_t count;
	const ElfW(Phdr) *segments = segments_find(found, &count);

	for (size_t i = 0; segments != NULL && i < count; i++) {
		uintptr_t at = found->bias + segments[i].p_vaddr;
		if (segments[i].p_type == PT_NOTE && segments[i].p_memsz != 0 && is_of_same(found, at) &&
			is_of_same(found, at + segments[i].p_memsz - 1))
			notes_look(object, at, segments[i].p_memsz);
	}
}

/* One that was loaded by a path from where the process stood, and what the kernel loaded. */
static void path_find(struct box_module *module)
{
	struct maps_reader reader;
	struct maps_line line;
	bool found = false;

	if (os_is_confined)
		return;
	maps_open(&reader);
	while (!found && maps_next(&reader, &line)) {
		found = line.start <= module->start && module->start < line.end;
		if (found)
			strncpy(module->path, line.path, sizeof(module->path) - 1);
	}
	maps_close(&reader);
}

static void describe(struct object *object, const struct found *found)
{
	struct box_module *module = &object->module;

	*object = (struct object){.header = found->header,
		.module = {.start = found->start, .end = found->end, .bias = found->bias}};
	strncpy(module->path, found->name, sizeof(module->path) - 1);
	if (found->name[0] != '/' && found->name[0] != '\0')
		path_find(module);
	build_id_find(object, found);
}

/* ---- the table ----------------------------------------------------------------------------- */

static void publish(uint32_t number)
{
	box_write(BOX_SECTION_MODULES, number, &object_at(number)->module,
		&object_at(number)->generation);
}

static bool holds(const struct object *object, uintptr_t pc)
{
	return pc >= object->module.start && pc < object->module.end && object->module.is_gone == 0;
}

static uint32_t add(const struct found *found)
{
	if (object_count == BOX_MODULES_MAX || !table_make_room(&objects, object_count))
		return LOADED_NONE;
	struct object *object = object_at(object_count);
	describe(object, found);
	publish(object_count);
	return object_count++;
}

uint32_t loaded_number(uintptr_t pc)
{
	struct found found;

	if (last_found < object_count && holds(object_at(last_found), pc))
		return last_found;
	for (uint32_t i = 0; i < object_count; i++)
		if (holds(object_at(i), pc))
			return last_found = i;
	return loader_find(pc, &found) ? add(&found) : LOADED_NONE;
}

/* What is loaded there now begins with a page that can be read. */
static bool has_build_id(const struct object *object)
{
	const unsigned char *id = object->build_id;

	if (id == NULL)
		return true;
	if ((uintptr_t)id - object->module.start >= os_page_bytes() - BOX_BUILD_ID_BYTES &&
		!os_can_read(id))
		return false;
	return memcmp(id, object->module.build_id, object->module.build_id_bytes) == 0;
}

static bool is_of(const struct object *object, const struct found *found)
{
	return found->start == object->module.start && found->end == object->module.end &&
		found->header == object->header && has_build_id(object);
}

bool loaded_is_there(uint32_t number)
{
	struct object *object = object_at(number);
	struct found found;

	if (object->module.is_gone != 0)
		return false;
	if (loader_find(object->module.start, &found) && is_of(object, &found))
		return true;
	object->module.is_gone = 1;
	publish(number);
	return false;
}

bool loaded_is_gone(uint32_t number)
{
	return object_at(number)->module.is_gone != 0;
}

uint32_t loaded_count(void)
{
	return object_count;
}

const struct box_module *loaded_at(uint32_t number)
{
	return &object_at(number)->module;
}

void loaded_publish(void)
{
	for (uint32_t number = 0; number < object_count; number++)
		publish(number);
}
