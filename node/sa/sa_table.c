#include "node/sa/sa_table.h"

#include <stdlib.h>

void sa_table_init(struct sa_table *t, uint64_t secret)
{
    *t = (struct sa_table){ .secret = secret | 1 };
}

void sa_table_done(struct sa_table *t)
{
    for (size_t i = 0; i < t->by_spi.cap; i++)
        if (t->by_spi.v[i].value != NULL)
            ike_sa_free(t->by_spi.v[i].value);
    map_done(&t->by_spi);
    map_done(&t->by_init);
    map_done(&t->by_child);
    free(t->heap);
}

static uint64_t init_key(const struct sa_table *t, const struct endpoint *remote, uint64_t spi_i)
{
    uint64_t h = spi_i ^ t->secret;

    for (size_t i = 0; i < 16; i++)
        h = (h ^ remote->addr.ip[i]) * 0x100000001b3u;
    h = (h ^ remote->port) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29) * t->secret;
    return h == 0 ? 1 : h;
}

enum err sa_table_add(struct sa_table *t, struct ike_sa *sa, struct ike_sa **slot_head)
{
    uint64_t spi = session_own_spi(&sa->r);

    if (map_get(&t->by_spi, spi) != NULL)
        return E_CONFLICT;
    TRY(map_put(&t->by_spi, spi, sa));
    if (sa->r.role == ROLE_RESPONDER && sa->r.state == SS_HALF_OPEN) {
        sa->init_key = init_key(t, &sa->r.remote, sa->r.spi_i);
        if (map_put(&t->by_init, sa->init_key, sa) != OK) {
            map_remove(&t->by_spi, spi);
            return E_NOMEM;
        }
    }
    sa->slot_next = *slot_head;
    sa->slot_prev = slot_head;
    if (sa->slot_next != NULL)
        sa->slot_next->slot_prev = &sa->slot_next;
    *slot_head = sa;
    return OK;
}

struct ike_sa *sa_table_find(const struct sa_table *t, uint64_t own_spi)
{
    return map_get(&t->by_spi, own_spi);
}

struct ike_sa *sa_table_find_init(const struct sa_table *t, const struct endpoint *remote,
                                  uint64_t spi_i)
{
    struct ike_sa *sa = map_get(&t->by_init, init_key(t, remote, spi_i));

    return sa != NULL && sa->r.spi_i == spi_i ? sa : NULL;
}

struct ike_sa *sa_table_find_child(const struct sa_table *t, uint32_t spi_in)
{
    return map_get(&t->by_child, spi_in);
}

enum err sa_table_index_children(struct sa_table *t, struct ike_sa *sa)
{
    for (unsigned i = 0; i < sa->r.n_children; i++)
        TRY(map_put(&t->by_child, sa->r.children[i].spi_in, sa));
    return OK;
}

void sa_table_unindex_child(struct sa_table *t, const struct ike_sa *sa, uint32_t spi_in)
{
    if (map_get(&t->by_child, spi_in) == sa)
        map_remove(&t->by_child, spi_in);
}

static void place(struct sa_table *t, size_t i, struct ike_sa *sa)
{
    t->heap[i] = sa;
    sa->heap_at = i + 1;
}

static void sift(struct sa_table *t, size_t i, struct ike_sa *sa)
{
    while (i > 0 && sa->due_ms < t->heap[(i - 1) / 2]->due_ms) {
        place(t, i, t->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    while (2 * i + 1 < t->n_heap) {
        size_t c = 2 * i + 1;

        if (c + 1 < t->n_heap && t->heap[c + 1]->due_ms < t->heap[c]->due_ms)
            c++;
        if (t->heap[c]->due_ms >= sa->due_ms)
            break;
        place(t, i, t->heap[c]);
        i = c;
    }
    place(t, i, sa);
}

static void unschedule(struct sa_table *t, struct ike_sa *sa)
{
    size_t i;
    struct ike_sa *last;

    if (sa->heap_at == 0)
        return;
    i = sa->heap_at - 1;
    sa->heap_at = 0;
    last = t->heap[--t->n_heap];
    if (last != sa)
        sift(t, i, last);
}

void sa_table_schedule(struct sa_table *t, struct ike_sa *sa, uint64_t due_ms)
{
    sa->due_ms = due_ms;
    if (due_ms == UINT64_MAX) {
        unschedule(t, sa);
        return;
    }
    if (sa->heap_at == 0) {
        if (t->n_heap == t->cap_heap) {
            size_t cap = t->cap_heap == 0 ? 64 : t->cap_heap * 2;
            struct ike_sa **v = realloc(t->heap, cap * sizeof *v);

            if (v == NULL)
                abort(); /* a session without its timers would live for ever */
            t->heap = v;
            t->cap_heap = cap;
        }
        t->heap[t->n_heap] = sa;
        sa->heap_at = ++t->n_heap;
    }
    sift(t, sa->heap_at - 1, sa);
}

struct ike_sa *sa_table_first_due(const struct sa_table *t)
{
    return t->n_heap > 0 ? t->heap[0] : NULL;
}

void sa_table_remove(struct sa_table *t, struct ike_sa *sa)
{
    map_remove(&t->by_spi, session_own_spi(&sa->r));
    /* By the key it went in with: IKE_AUTH has floated to another port since. */
    if (sa->init_key != 0 && map_get(&t->by_init, sa->init_key) == sa)
        map_remove(&t->by_init, sa->init_key);
    for (unsigned i = 0; i < sa->r.n_children; i++)
        sa_table_unindex_child(t, sa, sa->r.children[i].spi_in);
    unschedule(t, sa);
    if (sa->slot_prev != NULL) {
        *sa->slot_prev = sa->slot_next;
        if (sa->slot_next != NULL)
            sa->slot_next->slot_prev = sa->slot_prev;
        sa->slot_prev = NULL;
        sa->slot_next = NULL;
    }
}
