#include "coro/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coro/defer.h"
#include "coro/thread.h"

enum {
	INDEX_BITS = 10,
	ROUNDS_MOST = 4, /* PTHREAD_DESTRUCTOR_ITERATIONS */
	VALUES_FIRST = 8
};

_Static_assert(CORO_KEYS_MAX == 1 << INDEX_BITS, "every index is one");

static struct {
	uint64_t sequence;       /* odd: there is a key */
	void (*destroy)(void *); /* of the last one */
} keys[CORO_KEYS_MAX];

static uint32_t index_of(coro_key key)
{
	return (uint32_t)(key & (CORO_KEYS_MAX - 1));
}

static bool is_key(coro_key key)
{
	uint64_t sequence = key >> INDEX_BITS;

	return (sequence & 1) != 0 &&
		__atomic_load_n(&keys[index_of(key)].sequence, __ATOMIC_ACQUIRE) == sequence;
}

/* ---- the table ----------------------------------------------------------------- */

/* Whoever has moved the sequence on has the index. */
static bool sequence_move(uint32_t index, uint64_t from)
{
	return __atomic_compare_exchange_n(&keys[index].sequence, &from, from + 1, false,
		__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

EXPORT int coro_key_create(coro_key *key, void (*destroy)(void *))
{
	if (key == NULL)
		return errno = EINVAL;
	for (uint32_t index = 0; index < CORO_KEYS_MAX; index++) {
		uint64_t sequence = __atomic_load_n(&keys[index].sequence, __ATOMIC_RELAXED);
		if ((sequence & 1) != 0 || !sequence_move(index, sequence))
			continue;
		/* Nobody has the key yet. */
		__atomic_store_n(&keys[index].destroy, destroy, __ATOMIC_RELEASE);
		*key = (sequence + 1) << INDEX_BITS | index;
		return 0;
	}
	return errno = EAGAIN;
}

EXPORT int coro_key_delete(coro_key key)
{
	if (!is_key(key) || !sequence_move(index_of(key), key >> INDEX_BITS))
		return errno = EINVAL;
	return 0;
}

/* NULL: the key has none, or was deleted; another thread may do so, and make a new one
   there, at this moment. */
static void (*destructor_of(coro_key key))(void *)
{
	void (*destroy)(void *) = __atomic_load_n(&keys[index_of(key)].destroy, __ATOMIC_ACQUIRE);

	return is_key(key) ? destroy : NULL;
}

/* ---- a coroutine's values --------------------------------------------------------- */

static bool values_make_room(struct coro *co, uint32_t index)
{
	uint32_t before = co->values != NULL ? co->values->count : 0, count = VALUES_FIRST;

	while (count <= index)
		count *= 2;
	struct values *values =
		realloc(co->values, sizeof(*values) + count * sizeof(values->at[0]));
	if (values == NULL)
		return false;
	if (before == 0)
		*values = (struct values){0};
	memset(&values->at[before], 0, (count - before) * sizeof(values->at[0]));
	values->count = count;
	co->values = values;
	return true;
}

EXPORT int coro_setspecific(coro_key key, const void *value)
{
	struct coro *co = thread_current(thread_self());
	uint32_t index = index_of(key);

	if (!is_key(key))
		return errno = EINVAL;
	if (co->values == NULL || index >= co->values->count) {
		if (value == NULL)
			return 0; /* as it is */
		if (!values_make_room(co, index))
			return errno = ENOMEM;
	}
	co->values->at[index].key = key;
	co->values->at[index].value = (void *)value;
	return 0;
}

EXPORT void *coro_getspecific(coro_key key)
{
	const struct coro *co = thread_current(&coro_thread);
	const struct values *values = co != NULL ? co->values : NULL;
	uint32_t index = index_of(key);

	if (values == NULL || index >= values->count || values->at[index].key != key)
		return NULL;
	return values->at[index].value;
}

/* From where it was left.  A destructor may set values, and room be made for them. */
static void round_go_on(struct coro *co)
{
	while (co->values->next < co->values->count) {
		uint32_t index = co->values->next++;
		void *value = co->values->at[index].value;
		void (*destroy)(void *) = destructor_of(co->values->at[index].key);
		co->values->at[index].value = NULL;
		if (value == NULL || destroy == NULL)
			continue;
		co->values->were_any = true;
		destroy(value);
	}
}

/* Whether there is another. */
static bool round_end(struct values *values)
{
	bool were_any = values->were_any;

	values->next = 0;
	values->were_any = false;
	return were_any && ++values->rounds < ROUNDS_MOST;
}

void values_end_slow(struct coro *co)
{
	/* The rounds are the coroutine's: a destructor may end it once more, which comes here
	   for the values that are left. */
	do {
		round_go_on(co);
		defer_end(co);
	} while (round_end(co->values));
	free(co->values);
	co->values = NULL;
}
