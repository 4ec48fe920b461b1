#include "profile/cfi_expression.h"

enum { VALUES_MOST = 8 };

/* DWARF 5, 7.7.1. */
enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_CONST2U = 0x0a,
	OP_CONST2S = 0x0b,
	OP_CONST4U = 0x0c,
	OP_CONST4S = 0x0d,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_AND = 0x1a,
	OP_MINUS = 0x1c,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_GE = 0x2a,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f
};

struct expression {
	struct bytes in;
	uintptr_t pc;
	struct cfi_value values[VALUES_MOST];
	size_t count;
	bool is_odd; /* not to be said by a rule */
};

uint8_t cfi_base_of(uint64_t dwarf_register)
{
	if (dwarf_register == REGISTER_SP)
		return CFI_SP;
	return dwarf_register == REGISTER_FP ? CFI_FP : CFI_NONE;
}

static void push(struct expression *expression, uint8_t base, int64_t number)
{
	if (expression->count == VALUES_MOST) {
		expression->is_odd = true;
		return;
	}
	expression->values[expression->count++] = (struct cfi_value){.base = base, .number = number};
}

static struct cfi_value pop(struct expression *expression)
{
	if (expression->count == 0) {
		expression->is_odd = true;
		return (struct cfi_value){0};
	}
	return expression->values[--expression->count];
}

static void push_register(struct expression *expression, uint64_t dwarf_register)
{
	int64_t offset = read_signed_leb(&expression->in);
	uint8_t base = cfi_base_of(dwarf_register);

	if (base != CFI_NONE)
		push(expression, base, offset);
	else if (dwarf_register == REGISTER_RA && REGISTER_RA == 16) /* x86-64's rip */
		push(expression, CFI_NONE, (int64_t)expression->pc + offset);
	else
		expression->is_odd = true;
}

static void load(struct expression *expression)
{
	struct cfi_value value = pop(expression);

	if (value.base == CFI_NONE || value.is_loaded || expression->is_odd) {
		expression->is_odd = true;
		return;
	}
	value.loaded_offset = value.number;
	value.is_loaded = true;
	value.number = 0;
	expression->values[expression->count++] = value;
}

static int64_t combined(unsigned op, int64_t left, int64_t right)
{
	switch (op) {
	case OP_AND:
		return left & right;
	case OP_SHL:
		return right >= 0 && right < 64 ? (int64_t)((uint64_t)left << right) : 0;
	case OP_GE:
		return left >= right;
	case OP_MINUS:
		return (int64_t)((uint64_t)left - (uint64_t)right);
	default:
		return (int64_t)((uint64_t)left + (uint64_t)right);
	}
}

static void combine(struct expression *expression, unsigned op)
{
	struct cfi_value right = pop(expression), left = pop(expression);

	if (op == OP_PLUS && left.base == CFI_NONE) {
		struct cfi_value swapped = left;
		left = right;
		right = swapped;
	}
	if (right.base != CFI_NONE || (left.base != CFI_NONE && op != OP_PLUS && op != OP_MINUS))
		expression->is_odd = true;
	if (expression->is_odd)
		return;
	left.number = combined(op, left.number, right.number);
	expression->values[expression->count++] = left;
}

static void push_constant(struct expression *expression, unsigned op)
{
	struct bytes *in = &expression->in;

	if (op == OP_CONSTU)
		push(expression, CFI_NONE, (int64_t)read_unsigned_leb(in));
	else if (op == OP_CONSTS)
		push(expression, CFI_NONE, read_signed_leb(in));
	else if ((op - OP_CONST1U) % 2 == 0)
		push(expression, CFI_NONE, (int64_t)read_bytes(in, (size_t)1 << (op - OP_CONST1U) / 2));
	else
		push(expression, CFI_NONE, read_signed(in, (size_t)1 << (op - OP_CONST1U) / 2));
}

static void operate(struct expression *expression, unsigned op)
{
	switch (op) {
	case OP_DEREF:
		load(expression);
		break;
	case OP_CONST1U ... OP_CONST4S:
	case OP_CONSTU:
	case OP_CONSTS:
		push_constant(expression, op);
		break;
	case OP_PLUS_UCONST:
		push(expression, CFI_NONE, (int64_t)read_unsigned_leb(&expression->in));
		combine(expression, OP_PLUS);
		break;
	case OP_AND:
	case OP_MINUS:
	case OP_PLUS:
	case OP_SHL:
	case OP_GE:
		combine(expression, op);
		break;
	case OP_LIT0 ... OP_LIT31:
		push(expression, CFI_NONE, (int64_t)op - OP_LIT0);
		break;
	case OP_BREG0 ... OP_BREG31:
		push_register(expression, op - OP_BREG0);
		break;
	default:
		expression->is_odd = true;
	}
}

bool cfi_expression_read(struct bytes *in, uintptr_t pc, struct cfi_value *value)
{
	struct expression expression = {.in = *in, .pc = pc};
	uint64_t count = read_unsigned_leb(in);

	expression.in.at = in->at;
	skip(in, count);
	expression.in.end = in->at;
	while (!in->is_short && !expression.is_odd && expression.in.at < expression.in.end)
		operate(&expression, (unsigned)read_bytes(&expression.in, 1));
	*value = pop(&expression);
	return !in->is_short && !expression.is_odd && !expression.in.is_short &&
		value->base != CFI_NONE;
}
