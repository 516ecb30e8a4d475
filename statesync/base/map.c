#include "statesync/base/map.h"

#include <stdlib.h>

static size_t home(const struct map *m, uint64_t key)
{
    key ^= key >> 32;
    key *= 0x9e3779b97f4a7c15u;
    return (size_t)(key >> 32) & (m->cap - 1);
}

void *map_get(const struct map *m, uint64_t key)
{
    if (m->cap == 0)
        return NULL;
    for (size_t i = home(m, key); m->v[i].value != NULL; i = (i + 1) & (m->cap - 1))
        if (m->v[i].key == key)
            return m->v[i].value;
    return NULL;
}

static enum err grow(struct map *m)
{
    struct map bigger = { NULL, 0, m->cap == 0 ? 64 : m->cap * 2 };

    bigger.v = calloc(bigger.cap, sizeof *bigger.v);
    if (bigger.v == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < m->cap; i++)
        if (m->v[i].value != NULL && map_put(&bigger, m->v[i].key, m->v[i].value) != OK)
            abort(); /* there is room */
    free(m->v);
    *m = bigger;
    return OK;
}

enum err map_put(struct map *m, uint64_t key, void *value)
{
    size_t i;

    if ((m->n + 1) * 4 > m->cap * 3)
        TRY(grow(m));
    for (i = home(m, key); m->v[i].value != NULL; i = (i + 1) & (m->cap - 1))
        if (m->v[i].key == key) {
            m->v[i].value = value;
            return OK;
        }
    m->v[i] = (struct map_entry){ key, value };
    m->n++;
    return OK;
}

void map_remove(struct map *m, uint64_t key)
{
    size_t i, j;

    if (m->cap == 0)
        return;
    for (i = home(m, key); m->v[i].value != NULL && m->v[i].key != key; i = (i + 1) & (m->cap - 1))
        ;
    if (m->v[i].value == NULL)
        return;
    m->n--;
    /* Close the gap: an entry may not stand behind a free place on its way from home. */
    for (j = (i + 1) & (m->cap - 1); m->v[j].value != NULL; j = (j + 1) & (m->cap - 1)) {
        size_t h = home(m, m->v[j].key);

        if (((j - h) & (m->cap - 1)) >= ((j - i) & (m->cap - 1))) {
            m->v[i] = m->v[j];
            i = j;
        }
    }
    m->v[i].value = NULL;
}

void map_done(struct map *m)
{
    free(m->v);
    *m = (struct map){ 0 };
}
