/* members: the way into the membership, and who is put out of it.
 *
 *   BOOT_GET -> BOOT_PUT -> LEASE -> JOIN_GET -> JOIN_PUT -> IN -> (put out) OUT -> JOIN_GET
 *
 * Every step is one store operation; a failed one is repeated after RETRY_MS. The lease object
 * "node:<id>" expires by itself; its holder renews it by version, so two processes under one node
 * id cannot both hold it: the younger boot second wins.
 *
 * Suspicion: a member we have heard and do not hear for heartbeat_ms x missed. Accusation: enough
 * nodes say so in their heartbeats (two; one where only two are left). Whoever sees that first
 * writes the next membership without it; a lost race shows as a conflict and ends in reading the
 * winner's. A node that was itself paused must not accuse the others: a gap between our own ticks
 * restarts everybody's clock.
 */
#include "node/core/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "statesync/lease/membership.h"
#include "statesync/lease/rendezvous.h"
#include "statesync/record/store_key.h"
#include "statesync/seal/seal.h"

enum member_stage { M_BOOT_GET, M_BOOT_PUT, M_LEASE, M_JOIN_GET, M_JOIN_PUT, M_IN, M_OUT, M_GONE };

enum { RETRY_MS = 200, POLL_MS = 1000, GRACE_MS = 1500 };

struct neighbour {
    struct node_neighbour cfg;
    uint64_t heard_ms;  /* 0: never */
    uint64_t joined_ms; /* when we first saw it in the membership */
    bool suspect, refused;
    bool heard_now; /* as the last view had it */
    uint8_t lease_misses;
    uint64_t lease_ticket;
    uint32_t boot;
    struct heartbeat hb; /* the last one */
};

struct members {
    struct node_config cfg;
    struct neighbour *v;
    size_t n;
    enum member_stage stage;
    uint32_t boot;
    bool booted, up, expelled, changed, leaving, beat_now;
    struct incarnation incarnation;
    struct membership now_in; /* as last read or written */
    struct membership next;   /* being written */
    uint64_t next_ticket;
    uint64_t step_ticket, put_ticket, lease_ticket, get_ticket;
    uint64_t boot_version, lease_version;
    uint64_t retry_ms, beat_ms, lease_ms, poll_ms, tick_ms, out_ms;
    uint64_t down_since_ms, promise_ms;
    uint16_t target[LIMIT_SLOTS];
    uint16_t ids[LIMIT_NODES];
    uint32_t boots[LIMIT_NODES];
    bool alive[LIMIT_NODES];
};

static const uint64_t ticket_bits = (uint64_t)3 << 62;

enum err members_new(const struct node_config *cfg, struct members **ret)
{
    struct members *m = calloc(1, sizeof *m);

    if (m != NULL)
        m->v = calloc(cfg->n_neighbours + 1, sizeof *m->v);
    if (m == NULL || m->v == NULL) {
        free(m);
        return E_NOMEM;
    }
    m->cfg = *cfg;
    m->n = cfg->n_neighbours;
    for (size_t i = 0; i < m->n; i++)
        m->v[i].cfg = cfg->neighbours[i];
    m->boot = cfg->boot;
    m->next_ticket = ticket_bits | 1;
    *ret = m;
    return OK;
}

struct members *members_free(struct members *m)
{
    if (m != NULL) {
        free(m->v);
        free(m);
    }
    return NULL;
}

static struct neighbour *find(const struct members *m, uint16_t node)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].cfg.node == node)
            return &m->v[i];
    return NULL;
}

static void get(struct members *m, const char *name, struct actions *out, uint64_t *ret_ticket)
{
    struct action *a = actions_add(out, ACT_STORE);
    size_t len = strlen(name) + 1;

    a->op.kind = STORE_GET;
    a->op.ticket = *ret_ticket = m->next_ticket++;
    a->op.name = (const char *)actions_copy(out, span_of(name, len)).p;
}

static void put(struct members *m, const char *name, uint64_t expect, struct span value,
                uint32_t ttl_ms, struct actions *out, uint64_t *ret_ticket)
{
    const char *copy = (const char *)actions_copy(out, span_of(name, strlen(name) + 1)).p;
    struct span v = actions_copy(out, value);
    struct action *a = actions_add(out, ACT_STORE);

    a->op.kind = STORE_PUT;
    a->op.ticket = *ret_ticket = m->next_ticket++;
    a->op.name = copy;
    a->op.expect = expect;
    a->op.value = v;
    a->op.ttl_ms = ttl_ms;
}

static const char *object_name(const char *kind, uint16_t node, char out[32])
{
    snprintf(out, 32, "%s:%u", kind, node);
    return out;
}

static bool read_boot(struct span value, uint32_t *ret)
{
    struct rd r = rd_of(value);

    return rd_u32(&r, ret) == OK && rd_end(&r) == OK;
}

static void put_boot(struct members *m, const char *kind, uint64_t expect, uint32_t ttl_ms,
                     struct actions *out, uint64_t *ret_ticket)
{
    uint8_t b[4];
    struct wr w = wr_of(b, sizeof b);
    char name[32];

    wr_u32(&w, m->boot);
    put(m, object_name(kind, m->cfg.node, name), expect, wr_span(&w), ttl_ms, out, ret_ticket);
}

static void step(struct members *m, struct now now, struct actions *out)
{
    char name[32];

    if (!m->up || m->step_ticket != 0 || now.mono_ms < m->retry_ms)
        return;
    m->retry_ms = now.mono_ms + RETRY_MS;
    switch (m->stage) {
    case M_BOOT_GET:
        get(m, object_name("boot", m->cfg.node, name), out, &m->step_ticket);
        break;
    case M_BOOT_PUT:
        put_boot(m, "boot", m->boot_version, 0, out, &m->step_ticket);
        break;
    case M_LEASE:
        put_boot(m, "node", m->lease_version, m->cfg.lease_ms, out, &m->step_ticket);
        break;
    case M_OUT:
        if (now.mono_ms < m->out_ms)
            break;
        m->stage = M_JOIN_GET;
        /* fall through */
    case M_JOIN_GET:
        get(m, MEMBERSHIP_NAME, out, &m->step_ticket);
        break;
    case M_JOIN_PUT:
    case M_IN:
    case M_GONE:
        break;
    }
}

static void go(struct members *m, enum member_stage stage)
{
    m->stage = stage;
    m->step_ticket = 0;
    m->retry_ms = 0;
}

/* Write m->next as the successor of what we know. One write at a time. */
static void write_members(struct members *m, struct actions *out)
{
    struct token none = { 0 };
    struct bytes plain, sealed;
    uint64_t version = m->now_in.version;
    char key[STORE_KEY_MAX];

    m->next.version = version + 1;
    if (membership_encode(&m->next, &plain) != OK)
        return;
    if (seal_record(m->cfg.keyring, m->cfg.env, SEAL_MEMBERSHIP,
                    store_key_named(m->cfg.pop, MEMBERSHIP_NAME, key), &none, version + 1,
                    span_bytes(plain), &sealed) == OK) {
        put(m, MEMBERSHIP_NAME, version, span_bytes(sealed), 0, out, &m->put_ticket);
        bytes_free(&sealed);
    }
    bytes_free(&plain);
}

static const struct member *self_in(const struct members *m, const struct membership *ms)
{
    return membership_find(ms, m->cfg.node);
}

static void join(struct members *m, struct now now, struct actions *out)
{
    struct member me = { .node = m->cfg.node,
                         .boot = m->boot,
                         .cluster_addr = m->cfg.cluster_addr };
    enum err e;

    m->next = m->now_in;
    snprintf(me.name, sizeof me.name, "%s", m->cfg.name);
    e = membership_join(&m->next, &me, m->cfg.slots, now.wall_ms);
    if (e != OK) { /* in its hold-down, or misconfigured: ask again later */
        LOG(m->cfg.env, LOG_INFO, "member-join-refused", F_ERR("error", e));
        go(m, M_OUT);
        m->out_ms = now.mono_ms + RETRY_MS;
        return;
    }
    m->stage = M_JOIN_PUT;
    write_members(m, out);
}

static void adopt_view(struct members *m, struct now now, const struct membership *ms,
                       struct actions *out)
{
    const struct member *me;

    if (ms->version < m->now_in.version && m->stage == M_IN)
        return; /* an older answer; a rolled back store is noticed as a conflict and by its
                   incarnation */
    m->now_in = *ms;
    m->changed = true;
    m->beat_now = true;
    for (size_t i = 0; i < m->n; i++) {
        bool in = membership_find(ms, m->v[i].cfg.node) != NULL;

        if (in && m->v[i].joined_ms == 0)
            m->v[i].joined_ms = now.mono_ms;
        if (!in) {
            m->v[i].joined_ms = 0;
            m->v[i].suspect = m->v[i].refused = false;
            m->v[i].lease_misses = 0;
        }
    }
    me = self_in(m, ms);
    if (me != NULL && me->boot == m->boot) {
        if (m->stage == M_JOIN_GET || m->stage == M_JOIN_PUT || m->stage == M_OUT)
            go(m, M_IN);
        return;
    }
    if (m->stage == M_IN) {
        m->expelled = true;
        LOG(m->cfg.env, LOG_WARN, "member-expelled", F_U64("node", m->cfg.node),
            F_U64("membership", ms->version));
        go(m, m->leaving ? M_GONE : M_OUT);
        m->out_ms = now.mono_ms + m->cfg.holddown_ms;
    } else if (m->stage == M_JOIN_GET || m->stage == M_JOIN_PUT) {
        join(m, now, out);
    }
}

static void members_value(struct members *m, struct now now, struct span value, uint64_t version,
                          struct actions *out)
{
    struct membership ms;
    struct bytes plain;
    char key[STORE_KEY_MAX];
    enum err e =
        seal_open(m->cfg.keyring, SEAL_MEMBERSHIP,
                  store_key_named(m->cfg.pop, MEMBERSHIP_NAME, key), version, value, &plain, NULL);

    if (e == OK) {
        e = membership_decode(span_bytes(plain), &ms);
        bytes_free(&plain);
    }
    if (e == OK && ms.slots != m->cfg.slots)
        e = E_CONFIG;
    if (e != OK) {
        LOG(m->cfg.env, LOG_ERROR, "membership-unreadable", F_ERR("error", e),
            F_STR("remedy", e == E_CONFIG ? "cluster.slots must be the same on every node"
                                          : "cluster.key_file must be the same on every node"));
        return;
    }
    ms.version = version;
    adopt_view(m, now, &ms, out);
}

static void members_object(struct members *m, struct now now, const struct store_result *r,
                           struct actions *out)
{
    if (r->err == OK || r->err == E_CONFLICT) {
        if (r->value.len > 0)
            members_value(m, now, r->value, r->version, out);
        else if (r->err == E_CONFLICT)
            get(m, MEMBERSHIP_NAME, out, &m->get_ticket);
    } else if (r->err == E_NOT_FOUND) {
        /* Nothing there: the first node, or a store that came back empty. */
        m->now_in.version = 0;
        if (m->stage == M_IN) {
            m->next = m->now_in;
            write_members(m, out);
        } else if (m->stage == M_JOIN_GET) {
            m->now_in.n = 0;
            join(m, now, out);
        }
    }
}

static void put_result(struct members *m, struct now now, const struct store_result *r,
                       struct actions *out)
{
    m->put_ticket = 0;
    if (r->err == OK) {
        struct membership done = m->next;

        done.version = r->version;
        adopt_view(m, now, &done, out);
    } else if (r->err == E_CONFLICT && r->value.len == 0 && r->version == 0) {
        m->now_in.version = 0; /* the object is gone: a store that came back empty */
        if (m->stage == M_JOIN_PUT)
            go(m, M_JOIN_GET);
    } else if (r->err == E_CONFLICT) {
        members_object(m, now, r, out);
    } else {
        get(m, MEMBERSHIP_NAME, out, &m->get_ticket);
        if (m->stage == M_JOIN_PUT)
            go(m, M_JOIN_GET);
    }
}

static void lease_result(struct members *m, struct now now, const struct store_result *r,
                         struct actions *out)
{
    uint32_t boot;

    m->lease_ticket = 0;
    if (r->err == OK) {
        m->lease_version = r->version;
        if (m->stage == M_LEASE)
            go(m, M_JOIN_GET);
        step(m, now, out);
        return;
    }
    if (r->err != E_CONFLICT)
        return;
    m->lease_version = r->version;
    if (r->value.len > 0 && read_boot(r->value, &boot) && boot > m->boot) {
        LOG(m->cfg.env, LOG_ERROR, "node-id-taken", F_U64("node", m->cfg.node),
            F_STR("remedy", "another process runs under this node id: give each node its own"));
        m->expelled = true;
        go(m, M_GONE);
        return;
    }
    m->lease_ms = 0; /* at once again, over the version that is there */
    if (m->stage == M_LEASE)
        m->retry_ms = 0;
}

static void step_result(struct members *m, struct now now, const struct store_result *r,
                        struct actions *out)
{
    uint32_t known = 0;

    m->step_ticket = 0;
    switch (m->stage) {
    case M_BOOT_GET:
        if (r->err != OK && r->err != E_NOT_FOUND)
            return;
        if (r->err == OK && read_boot(r->value, &known) && known >= m->boot)
            m->boot = known + 1; /* the clock went back, or two starts within a second */
        m->boot_version = r->err == OK ? r->version : 0;
        go(m, M_BOOT_PUT);
        break;
    case M_BOOT_PUT:
        if (r->err == OK) {
            m->booted = true;
            go(m, M_LEASE);
        } else if (r->err != E_STORE_DOWN) {
            go(m, M_BOOT_GET); /* unknown or somebody else: look again, go higher */
        }
        break;
    case M_LEASE:
        lease_result(m, now, r, out);
        return;
    case M_JOIN_GET:
        members_object(m, now, r, out);
        return;
    case M_JOIN_PUT:
    case M_IN:
    case M_OUT:
    case M_GONE:
        return;
    }
    step(m, now, out);
}

bool members_store_result(struct members *m, struct now now, const struct store_result *r,
                          struct actions *out)
{
    if ((r->ticket & ticket_bits) != ticket_bits)
        return false;
    if (r->ticket == m->step_ticket) {
        step_result(m, now, r, out);
    } else if (r->ticket == m->put_ticket) {
        put_result(m, now, r, out);
    } else if (r->ticket == m->lease_ticket) {
        lease_result(m, now, r, out);
    } else if (r->ticket == m->get_ticket) {
        m->get_ticket = 0;
        members_object(m, now, r, out);
    } else {
        for (size_t i = 0; i < m->n; i++)
            if (r->ticket == m->v[i].lease_ticket) {
                m->v[i].lease_ticket = 0;
                if (r->err == E_NOT_FOUND)
                    m->v[i].lease_misses++;
                else if (r->err == OK)
                    m->v[i].lease_misses = 0;
            }
    }
    return true;
}

void members_store_state(struct members *m, struct now now, const struct store_state *st,
                         struct actions *out)
{
    if (m->up && st->up && incarnation_eq(&m->incarnation, &st->incarnation))
        return; /* only its reason changed */
    m->incarnation = st->incarnation;
    if (m->up && !st->up)
        m->down_since_ms = now.mono_ms;
    m->up = st->up;
    if (m->up) {
        m->step_ticket = m->put_ticket = m->lease_ticket = m->get_ticket = 0;
        m->retry_ms = 0;
        m->lease_ms = 0;
        if (m->stage == M_JOIN_PUT)
            go(m, M_JOIN_GET);
        step(m, now, out);
        if (m->stage == M_IN)
            get(m, MEMBERSHIP_NAME, out, &m->get_ticket);
    }
}

static uint64_t silence_ms(const struct members *m)
{
    return (uint64_t)m->cfg.heartbeat_ms * m->cfg.suspect_missed;
}

static bool hears(const struct members *m, const struct neighbour *nb, uint64_t mono_ms)
{
    return nb->heard_ms != 0 && !nb->refused && mono_ms - nb->heard_ms <= silence_ms(m);
}

void members_heard(struct members *m, struct now now, uint16_t node, uint32_t boot,
                   const struct heartbeat *hb, struct actions *out)
{
    struct neighbour *nb = find(m, node);

    if (nb == NULL)
        return;
    if (nb->heard_ms == 0 || nb->suspect)
        m->changed = true;
    nb->heard_ms = now.mono_ms;
    nb->suspect = nb->refused = false;
    nb->boot = boot;
    nb->hb = *hb;
    if (hb->membership_version > m->now_in.version && m->get_ticket == 0 && m->up &&
        m->stage >= M_JOIN_GET && m->stage != M_GONE)
        get(m, MEMBERSHIP_NAME, out, &m->get_ticket);
}

void members_refused(struct members *m, struct now now, uint16_t node, struct actions *out)
{
    struct neighbour *nb = find(m, node);

    if (nb == NULL || nb->heard_ms == 0 || nb->refused ||
        now.mono_ms - nb->heard_ms < m->cfg.heartbeat_ms / 2)
        return;
    nb->refused = true;
    members_tick(m, now, out);
}

/* Whether enough nodes say that this member is silent. */
static bool accused(const struct members *m, const struct neighbour *nb, uint64_t mono_ms)
{
    unsigned others = 1, accusers = nb->suspect ? 1 : 0;

    if (!nb->suspect)
        return false;
    for (size_t i = 0; i < m->n; i++) {
        const struct neighbour *o = &m->v[i];

        if (o == nb || membership_find(&m->now_in, o->cfg.node) == NULL || !hears(m, o, mono_ms))
            continue;
        others++;
        for (size_t k = 0; k < o->hb.n_suspects; k++)
            if (o->hb.suspects[k] == nb->cfg.node) {
                accusers++;
                break;
            }
    }
    return membership_condemned(&m->now_in, nb->cfg.node, accusers) ||
           (others == 1 && m->now_in.n == 2);
}

static void judge(struct members *m, struct now now, struct actions *out)
{
    bool write = false;

    m->next = m->now_in;
    for (size_t i = 0; i < m->n; i++) {
        struct neighbour *nb = &m->v[i];
        const struct member *in = membership_find(&m->now_in, nb->cfg.node);
        bool silent;

        if (hears(m, nb, now.mono_ms) != nb->heard_now) {
            nb->heard_now = !nb->heard_now;
            m->changed = true;
        }
        if (in == NULL)
            continue;
        silent = nb->refused || (nb->heard_ms > nb->joined_ms || nb->heard_ms != 0
                                     ? now.mono_ms - nb->heard_ms > silence_ms(m)
                                     : now.mono_ms - nb->joined_ms > GRACE_MS);
        if (silent && now.mono_ms - nb->joined_ms < silence_ms(m))
            silent = false;
        if (silent != nb->suspect) {
            nb->suspect = silent;
            m->beat_now = true;
            m->changed = true;
        }
        if (accused(m, nb, now.mono_ms) || (nb->lease_misses >= 2 && !hears(m, nb, now.mono_ms)) ||
            nb->lease_misses >= 4) {
            LOG(m->cfg.env, LOG_WARN, "member-put-out", F_U64("node", nb->cfg.node),
                F_STR("cause", nb->suspect ? "silent" : "lease expired"));
            write |= membership_remove(&m->next, nb->cfg.node, in->boot, now.wall_ms,
                                       m->cfg.holddown_ms) == OK;
        }
    }
    if (write && m->put_ticket == 0 && m->up && now.mono_ms >= m->promise_ms)
        write_members(m, out);
}

uint64_t members_next_deadline(const struct members *m)
{
    bool beats = m->n > 0 && m->booted; /* a node alone sends no heartbeat, and none is overdue */
    uint64_t t = beats ? m->beat_ms : m->lease_ms;

    if (beats && m->beat_now)
        return 0;
    if (m->stage != M_IN && m->retry_ms < t)
        t = m->retry_ms;
    return t < m->poll_ms ? t : m->poll_ms;
}

static void poll_leases(struct members *m, struct now now, struct actions *out)
{
    char name[32];

    m->poll_ms = now.mono_ms + POLL_MS;
    if (m->get_ticket == 0)
        get(m, MEMBERSHIP_NAME, out, &m->get_ticket);
    for (size_t i = 0; i < m->n; i++)
        if (membership_find(&m->now_in, m->v[i].cfg.node) != NULL && m->v[i].lease_ticket == 0 &&
            now.mono_ms - m->v[i].joined_ms > m->cfg.lease_ms)
            get(m, object_name("node", m->v[i].cfg.node, name), out, &m->v[i].lease_ticket);
}

void members_tick(struct members *m, struct now now, struct actions *out)
{
    if (m->tick_ms != 0 && now.mono_ms - m->tick_ms > silence_ms(m)) {
        /* We slept, not they. */
        for (size_t i = 0; i < m->n; i++)
            if (m->v[i].heard_ms != 0)
                m->v[i].heard_ms = now.mono_ms;
    }
    m->tick_ms = now.mono_ms;
    if (!m->up && m->down_since_ms != 0 && now.mono_ms - m->down_since_ms > silence_ms(m))
        m->promise_ms = now.mono_ms + m->cfg.deadline_ms;
    step(m, now, out);
    if (m->stage == M_GONE)
        m->poll_ms = UINT64_MAX;
    if (m->up && m->stage > M_LEASE && m->stage != M_GONE && now.mono_ms >= m->lease_ms &&
        m->lease_ticket == 0) {
        put_boot(m, "node", m->lease_version, m->cfg.lease_ms, out, &m->lease_ticket);
        m->lease_ms = now.mono_ms + m->cfg.lease_ms / 4;
    } else if (now.mono_ms >= m->lease_ms) {
        m->lease_ms = now.mono_ms + RETRY_MS;
    }
    if (m->stage != M_IN) {
        if (m->stage != M_GONE)
            m->poll_ms = now.mono_ms + POLL_MS;
        return;
    }
    judge(m, now, out);
    if (now.mono_ms >= m->poll_ms && m->up)
        poll_leases(m, now, out);
    else if (now.mono_ms >= m->poll_ms)
        m->poll_ms = now.mono_ms + RETRY_MS;
}

void members_leave(struct members *m, struct now now, struct actions *out)
{
    (void)now;
    m->leaving = true;
    if (m->put_ticket != 0)
        return;
    m->next = m->now_in;
    if (membership_leaving(&m->next, m->cfg.node, m->boot) == OK)
        write_members(m, out);
}

void members_gone(struct members *m, struct now now, struct actions *out)
{
    if (m->stage != M_IN || m->put_ticket != 0)
        return;
    m->next = m->now_in;
    if (membership_remove(&m->next, m->cfg.node, m->boot, now.wall_ms, 0) == OK)
        write_members(m, out);
}

bool members_booted(const struct members *m)
{
    return m->booted;
}

uint32_t members_boot(const struct members *m)
{
    return m->boot;
}

bool members_in(const struct members *m)
{
    return m->stage == M_IN;
}

bool members_take_expelled(struct members *m)
{
    bool e = m->expelled;

    m->expelled = false;
    return e;
}

bool members_take_changed(struct members *m)
{
    bool c = m->changed;

    m->changed = false;
    return c;
}

void members_view(struct members *m, struct now now, struct slots_view *v)
{
    if (m->stage == M_IN)
        rendezvous_table(&m->now_in, m->target, NULL);
    else
        for (size_t i = 0; i < m->cfg.slots; i++)
            m->target[i] = 0;
    for (size_t i = 0; i < m->now_in.n; i++) {
        const struct neighbour *nb = find(m, m->now_in.members[i].node);

        m->ids[i] = m->now_in.members[i].node;
        m->boots[i] = m->now_in.members[i].boot;
        m->alive[i] = nb == NULL || hears(m, nb, now.mono_ms);
    }
    *v = (struct slots_view){ m->target,   m->ids,
                              m->boots,    m->alive,
                              m->now_in.n, m->stage == M_IN && now.mono_ms >= m->promise_ms };
}

bool members_take_heartbeat(struct members *m, struct now now, struct heartbeat *ret)
{
    if (m->n == 0 || !m->booted || (now.mono_ms < m->beat_ms && !m->beat_now))
        return false;
    m->beat_now = false;
    m->beat_ms = now.mono_ms + m->cfg.heartbeat_ms;
    *ret = (struct heartbeat){ .membership_version = m->now_in.version,
                               .store_unreachable = !m->up,
                               .leaving = m->leaving,
                               .wall_ms = now.wall_ms };
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].suspect)
            ret->suspects[ret->n_suspects++] = m->v[i].cfg.node;
    return true;
}

bool members_store_away(const struct members *m, struct now now)
{
    unsigned away = 1;

    if (m->up || m->down_since_ms == 0 || now.mono_ms < m->down_since_ms)
        return false;
    for (size_t i = 0; i < m->n; i++)
        away += hears(m, &m->v[i], now.mono_ms) && m->v[i].hb.store_unreachable;
    return away * 2 > m->n + 1;
}

uint16_t members_owner(const struct members *m, struct now now, uint16_t slot)
{
    for (size_t i = 0; i < m->n; i++)
        if (hears(m, &m->v[i], now.mono_ms) && (m->v[i].hb.owned[slot / 8] >> (slot % 8) & 1) != 0)
            return m->v[i].cfg.node;
    return 0;
}

bool members_alive(const struct members *m, struct now now, uint16_t node)
{
    const struct neighbour *nb = find(m, node);

    return node == m->cfg.node || (nb != NULL && hears(m, nb, now.mono_ms));
}

bool members_address(const struct members *m, uint16_t node, struct endpoint *ret)
{
    const struct neighbour *nb = find(m, node);

    if (nb == NULL)
        return false;
    *ret = nb->cfg.cluster_addr;
    return true;
}

static unsigned count_bits(const uint8_t *p, size_t n)
{
    unsigned c = 0;

    for (size_t i = 0; i < n; i++)
        c += (unsigned)__builtin_popcount(p[i]);
    return c;
}

size_t members_each(const struct members *m, struct now now, struct node_member_view *ret,
                    size_t cap)
{
    size_t k = 0;

    for (size_t i = 0; i <= m->n && k < cap; i++) {
        const struct neighbour *nb = i < m->n ? &m->v[i] : NULL;
        uint16_t id = nb == NULL ? m->cfg.node : nb->cfg.node;
        const struct member *in = membership_find(&m->now_in, id);

        ret[k] = (struct node_member_view){ .node = id,
                                            .name = nb == NULL ? m->cfg.name : nb->cfg.name,
                                            .self = nb == NULL,
                                            .member = in != NULL };
        ret[k].alive = members_alive(m, now, id);
        ret[k].leaving = in != NULL && in->leaving;
        ret[k].boot = in != NULL ? in->boot : nb == NULL ? m->boot : nb->boot;
        ret[k].last_heard_ms = nb == NULL ? now.mono_ms : nb->heard_ms;
        ret[k].owned = nb == NULL ? 0 : count_bits(nb->hb.owned, sizeof nb->hb.owned);
        k++;
    }
    return k;
}
