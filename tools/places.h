/*
 * tools/places.h - every box that can be seen from here.
 *
 * WHY        Boxes stand in a folder a user, on a filesystem a container, or
 *            where dir: says.  A living process's is known by what it maps; a
 *            dead one's only by looking into the folders.
 *
 * OWNERSHIP  places_free() frees the paths.
 */
#ifndef TOOLS_PLACES_H
#define TOOLS_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/process.h"

struct places {
	char **folders;  /* mstat-UID folders, each once */
	size_t count;
};

/* All folders: below /dev/shm, /run/user/UID, $XDG_RUNTIME_DIR, dir: of MSTAT_CONF,
   `extra_dir` (may be NULL), and what other mount namespaces have in their stead. */
void places_find(struct places *places, const char *extra_dir, const struct process *list,
	size_t list_count);

/* The folders below `dir`, and `dir` itself if it is one. */
void places_add_below(struct places *places, const char *dir);

/* A folder that only another mount namespace has by its plain name: it is looked
   into, what is to be removed there is for its own mstat. */
bool places_is_elsewhere(const char *path);

void places_free(struct places *places);

#endif
