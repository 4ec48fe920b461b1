#include "tests/coro/fuzz/model.h"

#include <errno.h>
#include <string.h>

#include "base/config.h"
#include "tests/suite.h"

#if defined(__aarch64__)
enum { IS_AARCH64 = 1 };
#else
enum { IS_AARCH64 = 0 };
#endif

enum {
	/* Of a function and what it calls, and for what ends it when it is full.  (aarch64 keeps
	   twice the registers.) */
	FRAME_BYTES = SUITE_IS_SANITIZED ? 6 << 10 : IS_AARCH64 ? 2 << 10 : 1 << 10,
	SPARE_BYTES = SUITE_IS_SANITIZED ? 28 << 10 : IS_AARCH64 ? 12 << 10 : 6 << 10,
	STACK_MIN = SUITE_IS_SANITIZED ? 128 << 10 : IS_AARCH64 ? 32 << 10 : 16 << 10,
	COPIED_ARGS_MOST = 2048, /* larger ones stay where they are while they are used */
	ROUNDS_MOST = 4
};

/* ---- by chance ---------------------------------------------------------------------- */

static uint64_t chance(struct model *model)
{
	uint64_t x = model->state += 0x9e3779b97f4a7c15u; /* as suite.c */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint32_t below(struct model *model, uint32_t bound)
{
	return (uint32_t)(chance(model) % bound);
}

static uint64_t number_new(struct model *model)
{
	return ++model->next_number;
}

void model_args_fill(void *args, uint64_t number, size_t bytes)
{
	unsigned char *at = args;

	for (size_t i = 0; i < bytes; i++)
		at[i] = (unsigned char)((number * 0x9e3779b97f4a7c15u >> i % 57) + i);
}

bool model_args_are(const void *args, const struct call *call)
{
	const unsigned char *at = args;
	size_t first = call->has_pointer ? sizeof(void *) : 0;

	if (call->bytes == 0)
		return args == NULL;
	if ((uintptr_t)args % 16 != 0)
		return false;
	for (size_t i = first; i < call->bytes; i++)
		if (at[i] != (unsigned char)((call->number * 0x9e3779b97f4a7c15u >> i % 57) + i))
			return false;
	return true;
}

/* ---- the lists ------------------------------------------------------------------------- */

static struct model_coro *current(struct model *model)
{
	return &model->coros[model->current];
}

static struct activation *top_of(struct model_coro *co)
{
	return &co->activations[co->activation_count - 1];
}

static struct activation *top(struct model *model)
{
	return top_of(current(model));
}

static bool is_root(const struct model *model)
{
	return model->current == 0;
}

static void expect(struct model *model, enum model_place place, uint64_t number)
{
	model->expected = (struct arrival){.place = place, .id = top(model)->id, .number = number};
	model->also = 0;
}

static struct activation *push(struct model *model, enum model_kind kind, uint64_t number)
{
	struct model_coro *co = current(model);

	ck_assert(co->activation_count < MODEL_ACTIVATIONS);
	struct activation *activation = &co->activations[co->activation_count++];
	*activation = (struct activation){.kind = kind, .id = ++model->next_id, .number = number,
		.cost_bytes = kind == A_FOREIGN ? FRAME_BYTES / 2 : FRAME_BYTES};
	co->cost_bytes += activation->cost_bytes;
	return activation;
}

static void cut(struct model_coro *co, uint32_t count)
{
	while (co->activation_count > count)
		co->cost_bytes -= co->activations[--co->activation_count].cost_bytes;
	if (co->low > count)
		co->low = count;
}

static void call_push(struct model *model, struct call call)
{
	struct model_coro *co = current(model);

	ck_assert(co->call_count < MODEL_CALLS);
	co->calls[co->call_count++] = call;
}

/* A lexical call is taken out of the middle; false: it was made. */
static bool lexical_take(struct model_coro *co, uint64_t number)
{
	for (uint32_t i = co->call_count; i-- > 0;) {
		if (co->calls[i].kind != CALL_LEXICAL || co->calls[i].number != number)
			continue;
		memmove(&co->calls[i], &co->calls[i + 1], (co->call_count - i - 1) * sizeof(co->calls[0]));
		co->call_count--;
		return true;
	}
	return false;
}

/* The last; the expected function begins. */
static void call_make(struct model *model)
{
	struct model_coro *co = current(model);
	struct call call = co->calls[--co->call_count];

	if (call.kind == CALL_LEXICAL) {
		push(model, A_LEXICAL, call.number);
		expect(model, AT_BEGIN, call.number);
		return;
	}
	struct activation *deferred = push(model, A_DEFERRED, call.number);
	size_t copied = call.bytes <= COPIED_ARGS_MOST ? call.bytes : 0;
	deferred->cost_bytes += copied;
	co->cost_bytes += copied;
	deferred->is_sure = call.is_sure;
	model->made = call;
	expect(model, AT_BEGIN, call.number);
}

/* Foreign frames stand on the thread's stack, and have not been given up. */
static bool is_out(const struct model_coro *co)
{
	for (uint32_t i = 0; i < co->activation_count; i++)
		if (co->activations[i].kind == A_FOREIGN && !co->activations[i].is_given_up)
			return true;
	return false;
}

static bool is_foreign(struct model *model)
{
	return top(model)->kind == A_FOREIGN;
}

static bool is_locked(const struct model_coro *co)
{
	return co->is_foreign_locked || co->lock_count != 0 || is_out(co);
}

static bool has_sure(const struct model_coro *co)
{
	for (uint32_t i = 0; i < co->call_count; i++)
		if (co->calls[i].is_sure)
			return true;
	return false;
}

/* ---- what comes of it -------------------------------------------------------------------- */

static void unwinding_go_on(struct model *model);
static void end_go_on(struct model *model);

/* The current one is suspended, or done; control comes to `to`, which waits. */
static void switch_back(struct model *model, uint32_t to, uint64_t value)
{
	struct model_coro *co = &model->coros[to];

	model->current = to;
	co->state = C_ACTIVE;
	if (co->wait == WAITS_VALUE) {
		expect(model, AT_VALUE, value);
		return;
	}
	struct model_coro *target = &model->coros[co->target];
	enum model_wait wait = co->wait;
	bool is_done = target->state == C_FINISHED;
	co->wait = WAITS_VALUE;
	target->is_cancelling = false;
	if (is_done && wait == WAITS_DESTROY)
		target->state = C_NONE;
	expect(model, AT_DONE, is_done ? 0 : EAGAIN);
}

static void finish(struct model *model, uint64_t value)
{
	struct model_coro *co = current(model);

	cut(co, 0);
	co->call_count = 0;
	co->state = C_FINISHED;
	co->lock_count = 0;
	co->is_foreign_locked = false;
	switch_back(model, co->resumer, value);
}

/* The destructors are called, then it has finished. */
static void end(struct model *model, uint64_t value)
{
	push(model, A_END, value);
	end_go_on(model);
}

void end_go_on(struct model *model)
{
	struct model_coro *co = current(model);
	struct activation *ending = top_of(co);

	while (co->has_values) {
		while (co->next_key < MODEL_KEYS) {
			uint32_t key = co->next_key++;
			uint64_t value = co->values[key];
			co->values[key] = 0;
			if (value == 0 || key == MODEL_KEYS - 1)
				continue;
			co->were_any = true;
			push(model, A_DESTRUCTOR, value);
			expect(model, AT_BEGIN, value);
			return;
		}
		co->has_values = co->were_any && ++co->rounds < ROUNDS_MOST;
		co->next_key = 0;
		co->were_any = false;
	}
	co->rounds = 0;
	memset(co->values, 0, sizeof(co->values));
	finish(model, ending->number);
}

/* The last activation has ended: what had begun it goes on. */
static void returned(struct model *model, uint64_t value);

/* Its own deferred calls are made, then it has ended. */
static void leave(struct model *model)
{
	struct model_coro *co = current(model);
	struct activation *leaving = top_of(co);

	leaving->is_leaving = true;
	if (leaving->in_scope) {
		leaving->in_scope = false;
		if (lexical_take(co, leaving->scope)) {
			push(model, A_LEXICAL, leaving->scope);
			expect(model, AT_BEGIN, leaving->scope);
			return;
		}
	}
	if (co->call_count > 0 && co->calls[co->call_count - 1].kind == CALL_DYNAMIC &&
		co->calls[co->call_count - 1].owner == leaving->id)
		call_make(model);
	else
		returned(model, leaving->number);
}

/* Of a panic: the call that it made has recovered from it. */
static void recover(struct model *model)
{
	struct model_coro *co = current(model);
	const struct activation *panic = top_of(co);
	uint32_t owner = co->activation_count - 1, exit = 0;
	int site = panic->site;

	model->recovery_count++;
	while (co->activations[owner].id != panic->owner)
		owner--;
	for (uint32_t i = owner + 1; i < co->activation_count; i++)
		if (co->activations[i].kind == A_EXIT)
			exit = i;
	if (exit != 0) { /* it stands in the way */
		model->exit_again_count++;
		cut(co, exit + 1);
		unwinding_go_on(model);
		return;
	}
	cut(co, owner + 1);
	struct activation *recovering = top_of(co);
	recovering->is_leaving = false;
	recovering->in_scope = site == MODEL_SITES - 1;
	expect(model, AT_RECOVERY, (uint64_t)site);
}

static void give_up_innermost(struct model_coro *co)
{
	for (uint32_t i = co->activation_count; i-- > 0;) {
		if (co->activations[i].kind != A_FOREIGN || co->activations[i].is_given_up)
			continue;
		co->activations[i].is_given_up = true;
		return;
	}
}

/* A panic or an exit makes the next call. */
void unwinding_go_on(struct model *model)
{
	struct model_coro *co = current(model);
	struct activation *unwinding = top_of(co);

	while (co->call_count > 0) {
		const struct call *call = &co->calls[co->call_count - 1];
		unwinding->owner = call->owner;
		unwinding->site = call->site;
		if (call->kind == CALL_DYNAMIC || call->kind == CALL_LEXICAL) {
			call_make(model);
			return;
		}
		if (call->kind == CALL_UNLOCK)
			co->is_foreign_locked = false;
		else
			give_up_innermost(co);
		co->call_count--;
	}
	ck_assert(unwinding->kind == A_EXIT);
	end(model, unwinding->number);
}

static void foreign_returned(struct model *model, struct activation foreign)
{
	struct model_coro *co = current(model);

	if (foreign.locks) {
		co->call_count--;
		co->is_foreign_locked = false;
	}
	expect(model, AT_VALUE, foreign.number);
}

void returned(struct model *model, uint64_t value)
{
	struct model_coro *co = current(model);
	struct activation gone = *top_of(co);

	if (co->activation_count == 1) { /* a coroutine's first function */
		cut(co, 0);
		end(model, 0);
		return;
	}
	cut(co, co->activation_count - 1);
	struct activation *now = top_of(co);
	if (gone.kind == A_FOREIGN) {
		foreign_returned(model, gone);
	} else if (gone.kind == A_CALLBACK) {
		co->call_count--;
		expect(model, AT_VALUE, value);
	} else if (now->kind == A_PANIC && now->is_recovered) {
		recover(model);
	} else if (now->kind == A_PANIC || now->kind == A_EXIT) {
		unwinding_go_on(model);
	} else if (now->kind == A_END) {
		end_go_on(model);
	} else if (now->is_leaving) {
		leave(model);
	} else {
		expect(model, AT_BACK, 0);
	}
}

/* ---- what is done: it always ends with what is expected ------------------------------------ */

/* Stack that its functions may use: barriers at every frame have the other half. */
static size_t limit_of(size_t stack_bytes)
{
	return stack_bytes / 2 - SPARE_BYTES;
}

static bool has_room(struct model *model, uint32_t frames)
{
	struct model_coro *co = current(model);

	return co->cost_bytes + (size_t)frames * FRAME_BYTES <= limit_of(co->stack_bytes) &&
		co->activation_count + 2 * frames + 20 < MODEL_ACTIVATIONS &&
		co->call_count + 40 < MODEL_CALLS;
}

/* Why the coroutine at `index` cannot be resumed; of the first NULL is handed over. */
static int resume_error(struct model *model, uint32_t index)
{
	const struct model_coro *co = &model->coros[index];

	if (index == 0)
		return EINVAL;
	if (co->state == C_FINISHED)
		return ESRCH;
	if (co->state == C_ACTIVE || is_foreign(model))
		return EBUSY;
	return is_locked(co) && co->locked_thread != model->thread ? EPERM : 0;
}

static int yield_error(struct model *model)
{
	if (is_root(model))
		return EPERM;
	return is_out(current(model)) ? EBUSY : 0;
}

/* The coroutine at `index` is gone on with. */
static void switch_into(struct model *model, uint32_t index, uint64_t value)
{
	struct model_coro *co = &model->coros[index];
	bool is_new = co->state == C_NEW;

	co->state = C_ACTIVE;
	model->current = index;
	if (is_new) {
		push(model, A_FUNCTION, 0);
		expect(model, AT_BEGIN, 0);
		return;
	}
	expect(model, AT_VALUE, value);
}

static void do_resume(struct model *model, struct act *act, uint32_t index)
{
	struct model_coro *co = &model->coros[index];
	int error = resume_error(model, index);

	act->number = number_new(model);
	if (error != 0) {
		expect(model, AT_ERROR, (uint64_t)error);
		return;
	}
	co->resumer = model->current;
	current(model)->wait = WAITS_VALUE;
	switch_into(model, index, act->number);
}

static void do_yield(struct model *model, struct act *act)
{
	int error = yield_error(model);

	act->number = number_new(model);
	if (error != 0) {
		expect(model, AT_ERROR, (uint64_t)error);
		return;
	}
	current(model)->state = C_LEFT;
	switch_back(model, current(model)->resumer, act->number);
}

static void do_transfer(struct model *model, struct act *act, uint32_t index)
{
	struct model_coro *co = &model->coros[index];
	int error = resume_error(model, index);

	if (is_root(model)) {
		do_resume(model, act, index);
		return;
	}
	if (error == 0)
		error = yield_error(model);
	act->number = number_new(model);
	if (error != 0) {
		expect(model, AT_ERROR, (uint64_t)error);
		return;
	}
	co->resumer = current(model)->resumer;
	current(model)->state = C_LEFT;
	switch_into(model, index, act->number);
}

/* Why it cannot be cancelled, or 0; *is_over: there is nothing to be done. */
static int cancel_error(struct model *model, uint32_t index, bool *is_over)
{
	struct model_coro *co = &model->coros[index];
	int error = resume_error(model, index);

	*is_over = error != 0;
	if (error != 0)
		return error == ESRCH ? 0 : error;
	if (co->state == C_NEW) {
		*is_over = true;
		co->state = C_FINISHED;
		return 0;
	}
	return co->is_cancelling ? EBUSY : 0;
}

static void do_cancel(struct model *model, uint32_t index, bool destroys)
{
	struct model_coro *co = &model->coros[index], *self = current(model);
	bool is_over = false;
	int error = destroys && co->is_cancelling ? EBUSY : cancel_error(model, index, &is_over);

	if (error != 0 || is_over) {
		if (error == 0 && destroys)
			co->state = C_NONE;
		expect(model, AT_DONE, (uint64_t)error);
		return;
	}
	self->wait = destroys ? WAITS_DESTROY : WAITS_CANCEL;
	self->target = index;
	co->is_cancelling = true;
	co->resumer = model->current;
	co->state = C_ACTIVE;
	model->current = index;
	push(model, A_EXIT, 0);
	unwinding_go_on(model);
}

static size_t stack_bytes_by_chance(struct model *model)
{
	return (size_t)STACK_MIN << below(model, 5);
}

static bool do_create(struct model *model, struct act *act)
{
	uint32_t index = 1;

	while (index < MODEL_COROS && model->coros[index].state != C_NONE)
		index++;
	if (index == MODEL_COROS)
		return false;
	struct model_coro *co = &model->coros[index];
	size_t usual = SUITE_IS_SANITIZED ? 0 : CORO_STACK_BYTES;
	act->bytes = usual == 0 || below(model, 2) != 0 ? stack_bytes_by_chance(model) : 0;
	act->is_relocatable = below(model, 2) != 0 && !SUITE_IS_SANITIZED; /* it is not there */
	act->is_measured = below(model, 8) == 0;
	act->made = &co->co;
	memset(co, 0, offsetof(struct model_coro, activations));
	co->state = C_NEW;
	co->stack_bytes = act->bytes != 0 ? act->bytes : usual;
	co->is_relocatable = act->is_relocatable;
	expect(model, AT_DONE, 0);
	return true;
}

static size_t args_bytes_by_chance(struct model *model)
{
	static const uint32_t bounds[] = {1, 17, 65, 65, 300, 1100, 2100, MODEL_ARGS_BYTES};

	return below(model, bounds[below(model, 8)]);
}

static bool do_defer(struct model *model, struct act *act, bool is_sure)
{
	struct model_coro *co = current(model);
	const struct activation *owner = top_of(co);

	if (!has_room(model, 1))
		return false;
	act->number = number_new(model);
	act->bytes = is_sure ? below(model, 20) : args_bytes_by_chance(model);
	act->has_pointer = act->bytes >= sizeof(void *) && below(model, 2) != 0;
	act->site = owner->in_scope ? MODEL_SITES - 1 : (int)below(model, MODEL_SITES - 1);
	call_push(model, (struct call){.kind = CALL_DYNAMIC, .owner = owner->id, .site = act->site,
		.number = act->number, .bytes = act->bytes, .has_pointer = act->has_pointer,
		.is_sure = is_sure});
	expect(model, AT_DEFERRED, 0);
	return true;
}

static void lexical_push(struct model *model, struct act *act)
{
	struct activation *owner = top(model);

	act->number = number_new(model);
	owner->in_scope = true;
	owner->scope = act->number;
	call_push(model, (struct call){.kind = CALL_LEXICAL, .owner = owner->id, .number = act->number});
}

static void do_scope_end(struct model *model)
{
	struct activation *owner = top(model);

	owner->in_scope = false;
	if (!lexical_take(current(model), owner->scope)) {
		expect(model, AT_BACK, 0);
		return;
	}
	push(model, A_LEXICAL, owner->scope);
	expect(model, AT_BEGIN, owner->scope);
}

static void do_recover(struct model *model)
{
	struct model_coro *co = current(model);
	struct activation *caller = co->activation_count > 1 ? top_of(co) - 1 : NULL;
	uint64_t value = 0;

	if (top_of(co)->kind == A_DEFERRED && caller != NULL && caller->kind == A_PANIC &&
		!caller->is_recovered) {
		value = caller->number;
		caller->is_recovered = true;
	}
	expect(model, AT_VALUE, value);
}

static void do_foreign(struct model *model, struct act *act)
{
	struct model_coro *co = current(model);
	bool locks = !is_locked(co);

	model->foreign_count++;
	act->number = number_new(model);
	if (locks) {
		co->is_foreign_locked = true;
		co->locked_thread = model->thread;
		call_push(model, (struct call){.kind = CALL_UNLOCK, .owner = top_of(co)->id});
	}
	push(model, A_FOREIGN, act->number)->locks = locks;
	expect(model, AT_BEGIN, act->number);
}

static void do_callback(struct model *model, struct act *act)
{
	act->number = number_new(model);
	call_push(model, (struct call){.kind = CALL_GIVE_UP, .owner = top(model)->id});
	push(model, A_CALLBACK, act->number);
	expect(model, AT_BEGIN, act->number);
}

static void do_lock(struct model *model, bool locks)
{
	struct model_coro *co = current(model);

	if (is_root(model) || (!locks && co->lock_count == 0)) {
		expect(model, AT_DONE, EPERM);
		return;
	}
	co->lock_count += locks ? 1 : (uint32_t)-1;
	co->locked_thread = model->thread;
	expect(model, AT_DONE, 0);
}

static int move_error(const struct model *model, uint32_t index)
{
	const struct model_coro *co = &model->coros[index];

	if (index == 0)
		return EINVAL;
	if (co->state == C_FINISHED)
		return ESRCH;
	if (co->state == C_ACTIVE)
		return EBUSY;
	return co->is_relocatable ? 0 : EPERM;
}

static uint64_t error_bit(uint64_t error)
{
	return error < 64 ? (uint64_t)1 << error : 0;
}

/* Only to one that is surely large enough. */
static bool do_copystack(struct model *model, struct act *act, uint32_t index, bool shrinks)
{
	struct model_coro *co = &model->coros[index];
	int error = move_error(model, index);

	if (shrinks && (error == ESRCH || error == EPERM))
		error = 0;
	act->bytes = shrinks && index != 0 ? co->stack_bytes / 2 : stack_bytes_by_chance(model);
	if (index != 0 && (act->bytes < STACK_MIN || limit_of(act->bytes) < co->cost_bytes))
		return false;
	expect(model, AT_DONE, (uint64_t)error);
	if (error != 0 || !co->is_relocatable || co->state == C_FINISHED)
		return true;
	if (model->sets_barriers && !shrinks) /* room for those that are installed, and half of it */
		model->also |= error_bit(ENOSPC);
	if (CONFIG_TORTURE)
		model->also |= error_bit(ENOMEM);
	model->copied = index;
	model->copied_bytes = act->bytes;
	return true;
}

static void copied(struct model *model)
{
	struct model_coro *co = &model->coros[model->copied];

	co->stack_bytes = model->copied_bytes;
	for (uint32_t i = 0; i < co->activation_count; i++)
		co->activations[i].local = NULL;
}

static int look_error(const struct model *model, uint32_t index)
{
	const struct model_coro *co = &model->coros[index];

	if (index == 0)
		return EINVAL;
	if (co->state == C_FINISHED)
		return ESRCH;
	return co->state == C_ACTIVE ? EBUSY : 0;
}

/* The highest of what has run since it was marked. */
static const void *covered_in(const struct model_coro *co)
{
	for (uint32_t i = co->low; i < co->activation_count; i++)
		if (co->activations[i].local != NULL)
			return co->activations[i].local;
	return NULL;
}

static void do_barriers(struct model *model, struct act *act, uint32_t index)
{
	struct model_coro *co = &model->coros[index];
	int error = look_error(model, index);

	if (act->act == DO_BARRIERS_UNWIND && index == model->current)
		error = is_root(model) ? EINVAL : 0;
	expect(model, AT_DONE, (uint64_t)error);
	if (error != 0)
		return;
	if (act->act == DO_BARRIERS_INSTALL)
		co->low = model->barriers == CORO_BARRIERS_OFF ? 0 : co->activation_count;
	else if (act->act == DO_RESCAN)
		act->covered = covered_in(co);
	else
		co->low = 0; /* all is told of */
}

static void do_key(struct model *model, struct act *act, bool sets)
{
	struct model_coro *co = current(model);
	uint32_t key = below(model, MODEL_KEYS);

	act->site = (int)key;
	if (!sets) {
		expect(model, AT_VALUE, co->values[key]);
		return;
	}
	act->number = below(model, 4) != 0 ? number_new(model) : 0;
	co->values[key] = act->number;
	co->has_values |= act->number != 0;
	expect(model, AT_DONE, 0);
}

static void do_status(struct model *model, uint32_t index)
{
	const struct model_coro *co = &model->coros[index];
	int status = CORO_WAITING;

	if (index == 0)
		status = -1;
	else if (co->state == C_FINISHED)
		status = CORO_FINISHED;
	else if (co->state != C_ACTIVE)
		status = CORO_SUSPENDED;
	else if (index == model->current)
		status = CORO_RUNNING;
	expect(model, AT_DONE, (uint64_t)(int64_t)status);
}

/* ---- what to do ----------------------------------------------------------------------------- */

/* Any that there is; 0: none, and so NULL. */
static uint32_t target_by_chance(struct model *model)
{
	for (int tries = 0; tries < 8; tries++) {
		uint32_t index = below(model, MODEL_COROS);
		if (model->coros[index].state != C_NONE)
			return index;
	}
	return 0;
}

/* Rather one that can be resumed. */
static uint32_t target_left(struct model *model)
{
	for (int tries = 0; tries < 8; tries++) {
		uint32_t index = target_by_chance(model);
		if (model->coros[index].state == C_LEFT || model->coros[index].state == C_NEW)
			return index;
	}
	return target_by_chance(model);
}

static struct act acting(struct model *model, enum model_act what, uint32_t index)
{
	model->counts[what]++;
	return (struct act){.act = what, .co = index != 0 ? model->coros[index].co : NULL};
}

static struct act act_return(struct model *model)
{
	struct act act = acting(model, DO_RETURN, 0);

	act.number = top(model)->number;
	leave(model);
	return act;
}

static struct act act_recover(struct model *model)
{
	struct act act = acting(model, DO_RECOVER, 0);

	do_recover(model);
	return act;
}

static struct act act_sure(struct model *model)
{
	if (top(model)->has_asked)
		return act_return(model);
	top(model)->has_asked = true;
	return act_recover(model);
}

static struct act act_move(struct model *model, uint32_t thread)
{
	struct act act = acting(model, DO_MOVE, 0);

	act.number = model->thread = thread;
	expect(model, AT_DONE, 0);
	return act;
}

/* Everything ends: on the thread's own stack. */
static struct act act_last(struct model *model)
{
	for (uint32_t index = 1; index < MODEL_COROS; index++) {
		const struct model_coro *co = &model->coros[index];
		if (co->state == C_NONE)
			continue;
		if (resume_error(model, index) == EPERM)
			return act_move(model, co->locked_thread);
		struct act act = acting(model, DO_DESTROY, index);
		do_cancel(model, index, true);
		return act;
	}
	return acting(model, DO_END, 0);
}

static struct act act_foreign(struct model *model)
{
	uint32_t index = target_by_chance(model), roll = below(model, 10);
	struct act act;

	if (model->steps_left == 0 || roll < 3)
		return act_return(model);
	if (roll < 8 && has_room(model, 3)) {
		act = acting(model, DO_CALLBACK, 0);
		do_callback(model, &act);
	} else if (roll == 8) {
		act = acting(model, DO_RESUME, index);
		do_resume(model, &act, index);
	} else {
		act = acting(model, DO_YIELD, 0);
		do_yield(model, &act);
	}
	return act;
}

/* Of each hundred. */
static const struct {
	enum model_act act;
	uint32_t share;
} shares[] = {
	{DO_RETURN, 9}, {DO_CALL, 9}, {DO_CALL_SCOPED, 3}, {DO_DEFER, 14}, {DO_SCOPE, 3},
	{DO_SCOPE_END, 9}, {DO_RECOVER, 4}, {DO_YIELD, 9}, {DO_RESUME, 12}, {DO_TRANSFER, 4},
	{DO_CREATE, 4}, {DO_CANCEL, 1}, {DO_DESTROY, 2}, {DO_PANIC, 4}, {DO_EXIT, 1}, {DO_FOREIGN, 5},
	{DO_LOCK, 1}, {DO_UNLOCK, 1}, {DO_COPYSTACK, 3}, {DO_SHRINK, 1}, {DO_BARRIERS_SET, 1},
	{DO_BARRIERS_INSTALL, 3}, {DO_BARRIERS_REMOVE, 1}, {DO_BARRIERS_UNWIND, 1}, {DO_RESCAN, 1},
	{DO_KEY_SET, 1}, {DO_KEY_GET, 1}, {DO_STATUS, 1}, {DO_BACKTRACE, 1},
};

static enum model_act roll(struct model *model)
{
	enum { KINDS = sizeof(shares) / sizeof(shares[0]) };
	uint32_t sum = 0, kind = 0;

	for (uint32_t i = 0; i < KINDS; i++)
		sum += shares[i].share;
	uint32_t at = below(model, sum);
	while (at >= shares[kind].share)
		at -= shares[kind++].share;
	return shares[kind].act;
}

static bool defers(const struct activation *activation)
{
	return activation->kind == A_FUNCTION || activation->kind == A_DEFERRED;
}

/* Whether it was done. */
static bool try_call(struct model *model, struct act *act)
{
	if (!has_room(model, 1))
		return false;
	if (act->act == DO_CALL) {
		push(model, A_FUNCTION, 0);
	} else {
		push(model, A_SCOPED, 0);
		lexical_push(model, act);
	}
	expect(model, AT_BEGIN, 0);
	return true;
}

static bool try_leave(struct model *model, struct act *act)
{
	struct activation *self = top(model);

	switch (act->act) {
	case DO_RETURN:
		if (self->kind == A_ROOT)
			return false;
		act->number = self->number;
		leave(model);
		return true;
	case DO_SCOPE:
		if (self->kind != A_FUNCTION || self->in_scope || !has_room(model, 1))
			return false;
		lexical_push(model, act);
		expect(model, AT_DEFERRED, 0);
		return true;
	case DO_SCOPE_END:
		if (self->kind != A_FUNCTION || !self->in_scope)
			return false;
		do_scope_end(model);
		return true;
	case DO_PANIC:
		if (!has_sure(current(model)) || !has_room(model, 2))
			return false;
		act->number = number_new(model);
		push(model, A_PANIC, act->number);
		unwinding_go_on(model);
		return true;
	default: /* DO_EXIT */
		if (is_root(model) || !has_room(model, 2))
			return false;
		act->number = number_new(model);
		push(model, A_EXIT, act->number);
		unwinding_go_on(model);
		return true;
	}
}

static bool try_switch(struct model *model, struct act *act, uint32_t index)
{
	switch (act->act) {
	case DO_YIELD: do_yield(model, act); return true;
	case DO_RESUME: do_resume(model, act, index); return true;
	case DO_TRANSFER: do_transfer(model, act, index); return true;
	case DO_CANCEL: do_cancel(model, index, false); return true;
	default: do_cancel(model, index, true); return true;
	}
}

static bool try_barriers_set(struct model *model, struct act *act)
{
	if (!model->sets_barriers)
		return false;
	act->number = model->barriers = below(model, 3);
	expect(model, AT_DONE, 0);
	return true;
}

static bool try_act(struct model *model, struct act *act, uint32_t index)
{
	switch (act->act) {
	case DO_CALL:
	case DO_CALL_SCOPED: return try_call(model, act);
	case DO_DEFER: return defers(top(model)) && 
		do_defer(model, act, below(model, has_sure(current(model)) ? 6 : 2) == 0);
	case DO_RECOVER:
		if (top(model)->kind != A_DEFERRED && top(model)->kind != A_LEXICAL)
			return false;
		do_recover(model);
		return true;
	case DO_YIELD:
	case DO_TRANSFER: /* a cancellation takes room */
		if (!has_room(model, 0))
			return false; /* fall through */
	case DO_RESUME:
	case DO_CANCEL:
	case DO_DESTROY: return try_switch(model, act, index);
	case DO_CREATE: return do_create(model, act);
	case DO_FOREIGN:
		if (is_root(model) || !has_room(model, 1))
			return false;
		do_foreign(model, act);
		return true;
	case DO_LOCK:
	case DO_UNLOCK: do_lock(model, act->act == DO_LOCK); return true;
	case DO_COPYSTACK:
	case DO_SHRINK: return do_copystack(model, act, index, act->act == DO_SHRINK);
	case DO_BARRIERS_SET: return try_barriers_set(model, act);
	case DO_BARRIERS_INSTALL:
	case DO_BARRIERS_REMOVE:
	case DO_BARRIERS_UNWIND:
	case DO_RESCAN: do_barriers(model, act, index); return true;
	case DO_KEY_SET:
	case DO_KEY_GET:
		if (is_root(model))
			return false; /* the thread's, and until its end */
		do_key(model, act, act->act == DO_KEY_SET);
		return true;
	case DO_STATUS: do_status(model, index); return true;
	case DO_BACKTRACE: expect(model, AT_DONE, 0); return true;
	default: return try_leave(model, act);
	}
}

struct act model_choose(struct model *model)
{
	const struct activation *self = top(model);
	struct model_coro *co = current(model);
	struct act act;

	model->steps_left -= model->steps_left != 0;
	if (co->low == co->activation_count)
		co->low--; /* it runs */
	if (self->is_sure)
		return act_sure(model);
	if (self->kind == A_FOREIGN)
		return act_foreign(model);
	if (model->steps_left == 0)
		return self->kind == A_ROOT ? act_last(model) : act_return(model);
	if (model->thread_count > 1 && below(model, 4) == 0) { /* or the root would come by rarely */
		if (self->kind == A_ROOT)
			return act_move(model, below(model, model->thread_count));
		if (has_room(model, 0)) {
			act = acting(model, DO_YIELD, 0);
			do_yield(model, &act);
			return act;
		}
	}
	do {
		uint32_t index = below(model, 4) != 0 ? target_left(model) : target_by_chance(model);
		act = acting(model, roll(model), index);
		if (!try_act(model, &act, index)) {
			model->counts[act.act]--;
			act.act = DO_END;
		}
	} while (act.act == DO_END);
	return act;
}

/* ---- what came of it -------------------------------------------------------------------------- */

uint32_t model_arrive(struct model *model, struct arrival arrival, const void *local)
{
	const struct arrival *expected = &model->expected;
	struct model_coro *co = current(model);

	if (arrival.place == AT_BEGIN)
		arrival.id = top(model)->id;
	bool is_same = arrival.number == expected->number;
	ck_assert_msg(coro_self() == co->co && arrival.place == expected->place &&
			arrival.id == expected->id &&
			(is_same || (model->also & error_bit(arrival.number)) != 0),
		"seed %llu: in coroutine %u is %u, %u, %llu, not %u, %u, %llu%s",
		(unsigned long long)model->seed, (unsigned)model->current, (unsigned)arrival.place,
		(unsigned)arrival.id, (unsigned long long)arrival.number, (unsigned)expected->place,
		(unsigned)expected->id, (unsigned long long)expected->number,
		coro_self() == co->co ? "" : "; another runs");
	if (model->copied_bytes != 0 && is_same)
		copied(model);
	model->copied_bytes = 0;
	top(model)->local = defers(top(model)) ? local : NULL; /* what others have runs later */
	return arrival.id;
}

void model_begin(struct model *model, uint64_t seed, uint64_t steps)
{
	memset(model, 0, sizeof(*model));
	model->state = model->seed = seed;
	model->steps_left = steps;
	model->thread_count = 1;
	model->coros[0].state = C_ACTIVE;
	model->coros[0].stack_bytes = 2 * (SPARE_BYTES + 4 * FRAME_BYTES); /* it is to come back soon */
	push(model, A_ROOT, 0);
}
