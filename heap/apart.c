#include "heap/apart.h"

#include "base/bits.h"
#include "heap/cooling.h"

/* Each is a page or more, and most small programs allocate of some dozen classes. */
enum { KEPT_MOST = 4 };

static uint32_t kept_count;

bool apart_keep(const struct central *central, const struct span *span)
{
	const struct span *first = central->apart[SPAN_SAMPLED];
	bool is_only = first == NULL || (first == span && span->next == NULL);

	if (span->use != SPAN_SAMPLED || !is_only)
		return false;
	if (__atomic_fetch_add(&kept_count, 1, __ATOMIC_RELAXED) < KEPT_MOST)
		return true;
	apart_unkeep();
	return false;
}

void apart_unkeep(void)
{
	__atomic_fetch_sub(&kept_count, 1, __ATOMIC_RELAXED);
}

void apart_recount_begin(void)
{
	kept_count = 0;
}

void apart_recount(const struct span *span)
{
	kept_count += span->use == SPAN_SAMPLED && span_is_all_home(span);
}

void apart_relist(struct central *central, struct span *span)
{
	bool is_listed = span->list == SPAN_APART;

	if (is_listed && span_free_objects(span) == 0) {
		span_list_remove(span);
		span->list = 0;
	} else if (!is_listed && span_free_objects(span) != 0) {
		span_list_push(&central->apart[span->use], span);
		span->list = SPAN_APART;
	}
}

void *apart_take(uint32_t class, enum span_use use)
{
	struct central *central = &centrals[class];
	struct span *span = central->apart[use];
	void *object;

	if (span != NULL && use == SPAN_SAMPLED && span_is_all_home(span))
		apart_unkeep();
	if (span == NULL)
		span = central_obtain(class, use);
	if (span == NULL)
		return NULL;
	span_take_objects(span, &object, 1);
	cooling_reuse(central, span, &object, 1);
	cooling_touch(central, span, false);
	apart_relist(central, span);
	word_add(&central->out_objects, 1);
	return object;
}
