#include "statesync/record/heartbeat.h"

#include "proto/heartbeat.pb-c.h"
#include "statesync/record/pb_arena.h"
#include "statesync/record/pb_field.h"

enum { HEARTBEAT_FORMAT = 1 };

enum err heartbeat_encode(const struct heartbeat *h, uint8_t *out, size_t cap, size_t *ret_len)
{
    Ikestra__Heartbeat m = IKESTRA__HEARTBEAT__INIT;
    uint32_t suspects[LIMIT_NODES];
    bool any = false;
    size_t len;

    m.format = HEARTBEAT_FORMAT;
    m.membership_version = h->membership_version;
    m.wall_ms = h->wall_ms;
    m.leaving = h->leaving;
    m.store_unreachable = h->store_unreachable;
    if (incarnation_known(&h->store))
        m.store = pb_of(span_of(h->store.id, sizeof h->store.id));
    for (size_t i = 0; i < h->n_suspects; i++)
        suspects[i] = h->suspects[i];
    m.n_suspects = h->n_suspects;
    m.suspects = suspects;
    for (size_t i = 0; i < sizeof h->owned && !any; i++)
        any = h->owned[i] != 0;
    if (any)
        m.owned = pb_of(span_of(h->owned, sizeof h->owned));
    m.sessions = h->sessions;
    len = ikestra__heartbeat__get_packed_size(&m);
    if (len > cap)
        return E_LIMIT;
    *ret_len = ikestra__heartbeat__pack(&m, out);
    return OK;
}

static void to_suspects(const Ikestra__Heartbeat *m, struct heartbeat *ret, enum err *e)
{
    if (m->n_suspects > LIMIT_NODES && *e == OK)
        *e = E_LIMIT;
    for (size_t i = 0; *e == OK && i < m->n_suspects; i++) {
        ret->suspects[i] = pb_node(m->suspects[i], e);
        if (*e == OK && i > 0 && ret->suspects[i] <= ret->suspects[i - 1])
            *e = E_BAD_VALUE;
        ret->n_suspects++;
    }
}

enum err heartbeat_decode(struct span body, struct heartbeat *ret)
{
    struct heartbeat h = { 0 };
    struct pb_arena arena;
    Ikestra__Heartbeat *m;
    enum err e = OK;

    if (body.len > HEARTBEAT_MAX)
        return E_LIMIT;
    pb_arena_init(&arena);
    m = ikestra__heartbeat__unpack(&arena.allocator, body.len, body.p);
    if (m == NULL) {
        e = E_BAD_VALUE;
    } else if (m->format != HEARTBEAT_FORMAT) {
        e = E_BAD_VERSION;
    } else {
        pb_known(&m->base, &e);
        h.membership_version = m->membership_version;
        h.wall_ms = m->wall_ms;
        h.leaving = m->leaving;
        h.store_unreachable = m->store_unreachable;
        pb_fixed(m->store, h.store.id, sizeof h.store.id, &e);
        to_suspects(m, &h, &e);
        pb_fixed(m->owned, h.owned, sizeof h.owned, &e);
        h.sessions = m->sessions;
    }
    pb_arena_done(&arena);
    if (e == OK)
        *ret = h;
    return e;
}
