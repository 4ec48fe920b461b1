#include "heap/apart.h"

#include "base/bits.h"
#include "heap/cooling.h"

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
