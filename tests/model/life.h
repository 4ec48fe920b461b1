/*
 * life.h - an object is made, resized, looked at, and ends; whatever the entry point,
 * what must then be so is checked.
 */
#ifndef TESTS_MODEL_LIFE_H
#define TESTS_MODEL_LIFE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/model/worker.h"

/* A size that the worker's mood asks for. */
size_t life_size(struct worker *worker);

/* By any entry point.  False: it was refused, as may be. */
bool life_make(struct worker *worker, struct object *object);
void life_end(struct worker *worker, struct object *object);
void life_resize(struct worker *worker, struct object *object);
void life_look(struct worker *worker, const struct object *object);

/* A finalizer, tied, or taken away. */
void life_tie(struct worker *worker, struct object *object);
void life_untie(struct worker *worker, struct object *object);

/* What can never be is refused by every entry point, and harms nobody. */
void life_impossible(struct worker *worker, struct object *object);

/* The object becomes one that only the library knows of. */
void life_lose(struct worker *worker, struct object *object);

/* Refuses by chance, if the plan does, until life_calm(). */
void life_trouble(struct worker *worker);
void life_calm(void);

#endif
