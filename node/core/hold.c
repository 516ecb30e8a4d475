#include "node/core/hold.h"

#include <stdlib.h>

enum { HOLD_ALL = 4096, HOLD_OCTETS = 8 * 1024 * 1024 };

struct entry {
    struct held held;
    struct entry *next;
};

struct hold {
    struct entry *first, **last; /* in order of arrival */
    uint16_t per_slot[LIMIT_SLOTS];
    size_t n, octets;
};

struct hold *hold_new(void)
{
    struct hold *h = calloc(1, sizeof *h);

    if (h != NULL)
        h->last = &h->first;
    return h;
}

static void unlink_entry(struct hold *h, struct entry **at)
{
    struct entry *e = *at;

    *at = e->next;
    if (h->last == &e->next)
        h->last = at;
    h->n--;
    h->octets -= e->held.packet.len;
    h->per_slot[e->held.slot]--;
}

struct hold *hold_free(struct hold *h)
{
    while (h != NULL && h->first != NULL) {
        struct entry *e = h->first;

        unlink_entry(h, &h->first);
        bytes_wipe_free(&e->held.packet);
        free(e);
    }
    free(h);
    return NULL;
}

enum err hold_add(struct hold *h, const struct held *meta, struct span packet)
{
    struct entry *e;
    struct held old;

    if (meta->slot >= LIMIT_SLOTS)
        return E_BAD_VALUE;
    if (h->per_slot[meta->slot] >= LIMIT_HELD_PER_SLOT && hold_take(h, meta->slot, ~0u, &old))
        bytes_wipe_free(&old.packet);
    if (h->n >= HOLD_ALL || packet.len > HOLD_OCTETS - h->octets)
        return E_LIMIT;
    e = calloc(1, sizeof *e);
    if (e == NULL)
        return E_NOMEM;
    e->held = *meta;
    if (bytes_copy(packet, &e->held.packet) != OK) {
        free(e);
        return E_NOMEM;
    }
    *h->last = e;
    h->last = &e->next;
    h->n++;
    h->octets += packet.len;
    h->per_slot[meta->slot]++;
    return OK;
}

bool hold_take(struct hold *h, uint16_t slot, unsigned kind_mask, struct held *ret)
{
    if (!hold_has(h, slot))
        return false;
    for (struct entry **at = &h->first; *at != NULL; at = &(*at)->next) {
        struct entry *e = *at;

        if (e->held.slot != slot || (kind_mask >> e->held.kind & 1) == 0)
            continue;
        unlink_entry(h, at);
        *ret = e->held;
        free(e);
        return true;
    }
    return false;
}

unsigned hold_expire(struct hold *h, uint64_t now_ms, uint64_t max_ms)
{
    unsigned dropped = 0;

    while (h->first != NULL && now_ms - h->first->held.since_ms > max_ms) {
        struct entry *e = h->first;

        unlink_entry(h, &h->first);
        bytes_wipe_free(&e->held.packet);
        free(e);
        dropped++;
    }
    return dropped;
}

size_t hold_count(const struct hold *h)
{
    return h->n;
}

bool hold_has(const struct hold *h, uint16_t slot)
{
    return slot < LIMIT_SLOTS && h->per_slot[slot] > 0;
}
