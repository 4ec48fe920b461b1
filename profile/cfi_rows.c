#include "profile/cfi_rows.h"

#include "profile/cfi_expression.h"

enum { STATES_MOST = 8 }; /* remembered at one time; compilers go one deep */

/* DWARF 5, 7.24, and the GNU's.  The first three have an operand in their low six bits. */
enum {
	CFA_ADVANCE_LOC = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_NEGATE_RA_STATE = 0x2d, /* aarch64: the return address is signed, or no more */
	CFA_GNU_ARGS_SIZE = 0x2e
};

struct machine {
	const struct cfi_common *common;
	struct bytes in;
	uintptr_t pc;        /* what is looked for */
	uintptr_t at;        /* from here on the row holds */
	struct cfi_row row;
	struct cfi_row initial;
	struct cfi_row remembered[STATES_MOST];
	size_t remembered_count;
	bool is_odd;
};

static void set_place(struct machine *machine, uint64_t dwarf_register, uint8_t base, bool is_lost,
	int64_t offset)
{
	struct cfi_place place = {.base = base, .is_lost = is_lost, .offset = offset};

	if (dwarf_register == REGISTER_RA)
		machine->row.ra = place;
	else if (dwarf_register == REGISTER_FP)
		machine->row.fp = place;
}

static void set_at_cfa(struct machine *machine, uint64_t dwarf_register, int64_t factored)
{
	int64_t offset;

	if (__builtin_mul_overflow(factored, machine->common->data_factor, &offset))
		machine->is_odd = true;
	else
		set_place(machine, dwarf_register, CFI_CFA, false, offset);
}

static void restore(struct machine *machine, uint64_t dwarf_register)
{
	if (dwarf_register == REGISTER_RA)
		machine->row.ra = machine->initial.ra;
	else if (dwarf_register == REGISTER_FP)
		machine->row.fp = machine->initial.fp;
}

static void set_by_expression(struct machine *machine, uint64_t dwarf_register)
{
	struct cfi_value value;
	bool is_sum = cfi_expression_read(&machine->in, machine->pc, &value) && !value.is_loaded;

	set_place(machine, dwarf_register, value.base, !is_sum, value.number);
}

static void define_cfa(struct machine *machine, uint64_t dwarf_register, int64_t offset)
{
	machine->row.cfa_base = cfi_base_of(dwarf_register);
	machine->row.cfa_is_loaded = false;
	machine->row.cfa_offset = offset;
}

static void define_cfa_by_expression(struct machine *machine)
{
	struct cfi_value value;
	bool is_good = cfi_expression_read(&machine->in, machine->pc, &value);

	machine->row.cfa_base = is_good && (!value.is_loaded || value.number == 0) ? value.base : CFI_NONE;
	machine->row.cfa_is_loaded = value.is_loaded;
	machine->row.cfa_offset = value.is_loaded ? value.loaded_offset : value.number;
}

static void remember(struct machine *machine)
{
	if (machine->remembered_count == STATES_MOST)
		machine->is_odd = true;
	else
		machine->remembered[machine->remembered_count++] = machine->row;
}

static void recall(struct machine *machine)
{
	if (machine->remembered_count == 0)
		machine->is_odd = true;
	else
		machine->row = machine->remembered[--machine->remembered_count];
}

static void advance(struct machine *machine, uint64_t units)
{
	machine->at += units * machine->common->code_factor;
}

static int64_t read_factored(struct machine *machine)
{
	int64_t offset;

	if (__builtin_mul_overflow(read_signed_leb(&machine->in), machine->common->data_factor, &offset))
		machine->is_odd = true;
	return offset;
}

/* Instructions that say where something is. */
static void place(struct machine *machine, unsigned op)
{
	struct bytes *in = &machine->in;
	uint64_t number = read_unsigned_leb(in);
	struct cfi_value unused;

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		set_at_cfa(machine, number, (int64_t)read_unsigned_leb(in));
		break;
	case CFA_OFFSET_EXTENDED_SF:
		set_at_cfa(machine, number, read_signed_leb(in));
		break;
	case CFA_RESTORE_EXTENDED:
		restore(machine, number);
		break;
	case CFA_UNDEFINED: /* of a return address: nobody called */
		set_place(machine, number, CFI_NONE, number != REGISTER_RA, 0);
		break;
	case CFA_SAME_VALUE:
		set_place(machine, number, CFI_NONE, number == REGISTER_RA, 0);
		break;
	case CFA_EXPRESSION:
		set_by_expression(machine, number);
		break;
	case CFA_VAL_EXPRESSION:
		cfi_expression_read(in, machine->pc, &unused);
		set_place(machine, number, CFI_NONE, true, 0);
		break;
	default: /* the value is the frame's address and a number, or in a register */
		read_unsigned_leb(in);
		set_place(machine, number, CFI_NONE, true, 0);
	}
}

/* Instructions that say where the frame is. */
static void define(struct machine *machine, unsigned op)
{
	struct bytes *in = &machine->in;
	uint64_t number;

	switch (op) {
	case CFA_DEF_CFA:
		number = read_unsigned_leb(in);
		define_cfa(machine, number, (int64_t)read_unsigned_leb(in));
		break;
	case CFA_DEF_CFA_SF:
		number = read_unsigned_leb(in);
		define_cfa(machine, number, read_factored(machine));
		break;
	case CFA_DEF_CFA_REGISTER:
		define_cfa(machine, read_unsigned_leb(in), machine->row.cfa_offset);
		break;
	case CFA_DEF_CFA_OFFSET:
		machine->row.cfa_offset = (int64_t)read_unsigned_leb(in);
		break;
	case CFA_DEF_CFA_OFFSET_SF:
		machine->row.cfa_offset = read_factored(machine);
		break;
	default:
		define_cfa_by_expression(machine);
	}
}

static void execute(struct machine *machine, unsigned op)
{
	struct bytes *in = &machine->in;

	switch (op) {
	case CFA_NOP:
	case CFA_NEGATE_RA_STATE:
		break;
	case CFA_SET_LOC:
		machine->at = read_pointer(in, machine->common->encoding);
		break;
	case CFA_ADVANCE_LOC1:
		advance(machine, read_bytes(in, 1));
		break;
	case CFA_ADVANCE_LOC2:
		advance(machine, read_bytes(in, 2));
		break;
	case CFA_ADVANCE_LOC4:
		advance(machine, read_bytes(in, 4));
		break;
	case CFA_OFFSET_EXTENDED ... CFA_REGISTER:
	case CFA_EXPRESSION:
	case CFA_OFFSET_EXTENDED_SF:
	case CFA_VAL_OFFSET ... CFA_VAL_EXPRESSION:
		place(machine, op);
		break;
	case CFA_REMEMBER_STATE:
		remember(machine);
		break;
	case CFA_RESTORE_STATE:
		recall(machine);
		break;
	case CFA_DEF_CFA ... CFA_DEF_CFA_EXPRESSION:
	case CFA_DEF_CFA_SF:
	case CFA_DEF_CFA_OFFSET_SF:
		define(machine, op);
		break;
	case CFA_GNU_ARGS_SIZE:
		read_unsigned_leb(in);
		break;
	default:
		machine->is_odd = true;
	}
}

/* To the program's end, or to the last row that begins at or before the pc. */
static bool run(struct machine *machine, const struct bytes *program)
{
		machine->in = *program;
	while (machine->in.at < machine->in.end && machine->at <= machine->pc && !machine->is_odd) {
		unsigned op = (unsigned)read_bytes(&machine->in, 1), low = op & 0x3f;
		if ((op & 0xc0) == CFA_ADVANCE_LOC)
			advance(machine, low);
		else if ((op & 0xc0) == CFA_OFFSET)
			set_at_cfa(machine, low, (int64_t)read_unsigned_leb(&machine->in));
		else if ((op & 0xc0) == CFA_RESTORE)
			restore(machine, low);
		else
			execute(machine, op);
	}
	return !machine->is_odd && !machine->in.is_short;
}

bool cfi_row_find(const struct cfi_common *common, const struct bytes *program, uintptr_t first,
	uintptr_t pc, struct cfi_row *row)
{
	struct machine machine = {.common = common, .pc = pc, .at = first};

	machine.row.ra.is_lost = true; /* where nobody says, it is in a register */
	if (!run(&machine, &common->program))
		return false;
	machine.initial = machine.row;
	bool done = run(&machine, program);
	*row = machine.row;
	return done;
}
