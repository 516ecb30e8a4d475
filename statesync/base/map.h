/* map: 64-bit key -> pointer, open addressing, grows. Keys that a peer chooses are mixed with a
 * secret by the caller first. Owns nothing that it points to. */
#pragma once

#include "statesync/base/span.h"

struct map_entry {
    uint64_t key;
    void *value; /* NULL: free */
};

struct map {
    struct map_entry *v;
    size_t n, cap; /* cap: a power of two, or 0 */
};

/* NULL: not there. */
void *map_get(const struct map *m, uint64_t key);
/* Replaces; value not NULL. E_NOMEM: unchanged. */
MUST_USE enum err map_put(struct map *m, uint64_t key, void *value);
/* Not there: nothing happens. */
void map_remove(struct map *m, uint64_t key);
void map_done(struct map *m);
