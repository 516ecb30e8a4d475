/* node: where every packet goes.
 *
 * Our slot and ready: to the engine (IKE) or back to the data plane (ESP, inner). Coming: held.
 * Owned by a living neighbour: forwarded to it, once; what came from another node is delivered,
 * held or dropped, never forwarded again. Nothing here changes ownership because of a packet: it
 * only hurries a claim that membership has already decided (a forged SPI costs a held copy,
 * bounded, and no store operation).
 *
 * After every step settle() lets the parts see each other's news: a confirmed boot second starts
 * the engine, a changed view retargets slots, a ready slot releases its held packets, a handed slot
 * is announced to its new owner, a due heartbeat goes out.
 */
#include "node/core/node.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/hold.h"
#include "node/core/members.h"
#include "node/core/slots.h"
#include "statesync/base/rd.h"
#include "statesync/seal/peer_seal.h"

enum { HOLD_MS = 1500, REINJECT_MS = 20, NOTICE_SLOTS = 512 };

struct node {
    struct node_config cfg;
    struct node_neighbour *neighbours;
    uint8_t cluster_key[32];
    struct members *members;
    struct engine *engine; /* NULL until the boot second is confirmed */
    struct slots *slots;
    struct hold *hold;
    struct peer_seal *seal;
    struct store_state store;
    bool started, draining, drained, away;
    uint64_t drain_id;
    uint64_t reinject_ms;
    struct node_stats stats;
    uint8_t body[PEER_DATAGRAM],
        datagram[PEER_DATAGRAM]; /* one cluster datagram, open and sealed */
};

enum err node_new(const struct node_config *cfg, struct node **ret)
{
    struct node *n = calloc(1, sizeof *n);
    enum err e = E_NOMEM;

    if (n == NULL)
        return E_NOMEM;
    n->cfg = *cfg;
    if (cfg->cluster_key.len != sizeof n->cluster_key) {
        free(n);
        return E_BAD_LENGTH;
    }
    for (size_t i = 0; i < sizeof n->cluster_key; i++)
        n->cluster_key[i] = cfg->cluster_key.p[i];
    n->cfg.cluster_key = span_of(n->cluster_key, sizeof n->cluster_key);
    n->neighbours = calloc(cfg->n_neighbours + 1, sizeof *n->neighbours);
    for (size_t i = 0; n->neighbours != NULL && i < cfg->n_neighbours; i++)
        n->neighbours[i] = cfg->neighbours[i];
    n->cfg.neighbours = n->neighbours;
    n->hold = hold_new();
    if (n->hold != NULL && n->neighbours != NULL)
        e = members_new(&n->cfg, &n->members);
    if (e != OK) {
        node_free(n);
        return e;
    }
    *ret = n;
    return OK;
}

struct node *node_free(struct node *n)
{
    if (n != NULL) {
        n->slots = slots_free(n->slots);
        n->engine = engine_free(n->engine);
        n->members = members_free(n->members);
        n->hold = hold_free(n->hold);
        n->seal = peer_seal_free(n->seal);
        free(n->neighbours);
        wipe(n, sizeof *n);
        free(n);
    }
    return NULL;
}

/* The boot second is confirmed: from here on no earlier life of this node can share an IV or a
 * token. */
static enum err start_engine(struct node *n, struct now now, struct actions *out)
{
    struct engine_config ec = { .env = n->cfg.env,
                                .policy = n->cfg.policy,
                                .keyring = n->cfg.keyring,
                                .pop = n->cfg.pop,
                                .node = n->cfg.node,
                                .boot = members_boot(n->members),
                                .cluster_key = n->cfg.cluster_key,
                                .slots = n->cfg.slots };
    struct slots_config sc = { .env = n->cfg.env,
                               .node = n->cfg.node,
                               .boot = ec.boot,
                               .n_slots = n->cfg.slots,
                               .deadline_ms = n->cfg.deadline_ms };

    TRY(peer_seal_new(n->cfg.cluster_key, n->cfg.node, ec.boot, n->cfg.env, &n->seal));
    TRY(engine_new(&ec, &n->engine));
    TRY(slots_new(&sc, n->engine, &n->slots));
    slots_store_state(n->slots, now, &n->store, out);
    return OK;
}

static void send_sealed(struct node *n, uint16_t to, enum peer_type type, struct span body,
                        struct actions *out)
{
    struct endpoint addr;
    struct span sealed;
    struct action *a;
    size_t len;

    if (n->seal == NULL || !members_address(n->members, to, &addr) ||
        peer_seal_make(n->seal, type, to, body, n->datagram, sizeof n->datagram, &len) != OK)
        return;
    sealed = actions_copy(out, span_of(n->datagram, len));
    a = actions_add(out, ACT_PEER_SEND);
    a->remote = addr;
    a->data = sealed;
}

static void send_heartbeat(struct node *n, struct now now, struct actions *out)
{
    struct heartbeat hb;
    uint8_t body[HEARTBEAT_MAX];
    size_t len;

    if (n->seal == NULL || !members_take_heartbeat(n->members, now, &hb))
        return;
    hb.store = n->store.incarnation;
    hb.sessions = engine_stats(n->engine)->established;
    for (size_t i = 0; i < sizeof hb.owned; i++)
        hb.owned[i] = slots_owned(n->slots)[i];
    if (heartbeat_encode(&hb, body, sizeof body, &len) != OK)
        return;
    for (size_t i = 0; i < n->cfg.n_neighbours; i++)
        send_sealed(n, n->cfg.neighbours[i].node, PEER_HEARTBEAT, span_of(body, len), out);
}

static void send_notices(struct node *n, struct actions *out)
{
    uint16_t list[LIMIT_SLOTS], to;
    size_t k, len;

    while (slots_next_handed(n->slots, &to, list, LIMIT_SLOTS, &k))
        if (peer_slots_encode(list, k, n->body, sizeof n->body, &len) == OK)
            send_sealed(n, to, PEER_SLOTS, span_of(n->body, len), out);
}

static void inject(struct node *n, struct now now, const struct held *h, struct actions *out)
{
    struct span packet = span_bytes(h->packet);
    struct action *a;

    if (h->kind == HELD_IKE) {
        engine_packet(n->engine, now, &h->local, &h->remote, packet, out);
        return;
    }
    packet = actions_copy(out, packet);
    a = actions_add(out, h->kind == HELD_ESP ? ACT_DP_INPUT_ESP : ACT_DP_INPUT_INNER);
    a->local = h->local;
    a->remote = h->remote;
    a->forwarded = true; /* wherever it came from: it must not travel again */
    a->data = packet;
}

static void release_held(struct node *n, struct now now, uint16_t slot, unsigned kinds,
                         struct actions *out)
{
    struct held h;

    for (unsigned i = 0; i < LIMIT_HELD_PER_SLOT && hold_take(n->hold, slot, kinds, &h); i++) {
        inject(n, now, &h, out);
        bytes_wipe_free(&h.packet);
    }
}

static void settle(struct node *n, struct now now, struct actions *out)
{
    uint16_t slot;

    if (n->engine == NULL && members_booted(n->members) && start_engine(n, now, out) != OK)
        abort(); /* out of memory at start */
    if (n->slots != NULL) {
        if (members_take_expelled(n->members))
            slots_drop_all(n->slots, now, out);
        if (members_take_changed(n->members)) {
            struct slots_view v;

            members_view(n->members, now, &v);
            slots_set_view(n->slots, now, &v, out);
        }
        while (slots_next_ready(n->slots, &slot))
            release_held(n, now, slot, ~0u, out);
        send_notices(n, out);
        if (n->draining && !n->drained && slots_owned_count(n->slots) == 0) {
            members_gone(n->members, now, out);
            n->drained = true;
            struct action *a = actions_add(out, ACT_EVENT);
            a->event = EV_DRAINED;
            a->event_id = n->drain_id;
        }
    }
    send_heartbeat(n, now, out);
}

void node_start(struct node *n, struct now now, struct actions *out)
{
    n->started = true;
    members_tick(n->members, now, out);
    settle(n, now, out);
}

static void forward(struct node *n, uint16_t to, enum peer_type type, const struct held *h,
                    struct span packet, struct actions *out)
{
    struct peer_packet pp = { h->local, h->remote, h->encap, packet };
    size_t len;

    if (peer_packet_encode(&pp, n->body, sizeof n->body, &len) == OK)
        send_sealed(n, to, type, span_of(n->body, len), out);
}

static void count_forward(struct node *n, enum held_kind kind)
{
    if (kind == HELD_IKE)
        n->stats.forwarded_ike++;
    else if (kind == HELD_ESP)
        n->stats.forwarded_esp++;
    else
        n->stats.forwarded_inner++;
}

/* A packet whose slot this node does not serve right now. */
static void elsewhere(struct node *n, struct now now, struct held *h, struct span packet,
                      struct actions *out)
{
    static const enum peer_type type_of[] = {
        [HELD_IKE] = PEER_IKE, [HELD_ESP] = PEER_ESP, [HELD_INNER] = PEER_INNER
    };
    enum slot_place place = n->slots == NULL ? SLOT_ELSEWHERE : slots_place(n->slots, h->slot);
    uint16_t owner = members_owner(n->members, now, h->slot);
    uint16_t target = n->slots == NULL ? 0 : slots_target(n->slots, h->slot);

    h->since_ms = now.mono_ms;
    if (place == SLOT_READY || (place == SLOT_COMING && owner == 0)) {
        /* Ready, yet here: an SA that is still being installed. */
        slots_hurry(n->slots, h->slot);
        if (hold_add(n->hold, h, packet) == OK)
            n->stats.held++;
        return;
    }
    if (h->forwarded) {
        if (place == SLOT_COMING && hold_add(n->hold, h, packet) == OK)
            n->stats.held++;
        else
            n->stats.dropped_twice++;
        return;
    }
    if (owner == 0 && target != n->cfg.node && members_alive(n->members, now, target))
        owner = target;
    if (owner == 0) {
        /* Its owner is silent and not yet put out: wait for what membership decides. */
        if (target != 0 && hold_add(n->hold, h, packet) == OK)
            n->stats.held++;
        else
            n->stats.dropped_no_owner++;
        return;
    }
    count_forward(n, h->kind);
    forward(n, owner, type_of[h->kind], h, packet, out);
}

static void take_ike(struct node *n, struct now now, struct held *h, struct span packet,
                     struct actions *out)
{
    struct ike_route route;

    if (n->engine == NULL)
        return;
    if (engine_route(packet, &route) != OK || route.first_init) {
        /* Not IKE, or a first IKE_SA_INIT: whoever receives it answers (or counts the drop). */
        engine_packet(n->engine, now, &h->local, &h->remote, packet, out);
        return;
    }
    if (route.pop != n->cfg.pop || route.slot >= n->cfg.slots) {
        n->stats.dropped_no_owner++;
        return;
    }
    h->slot = route.slot;
    if (slots_place(n->slots, route.slot) == SLOT_READY)
        engine_packet(n->engine, now, &h->local, &h->remote, packet, out);
    else
        elsewhere(n, now, h, packet, out);
}

void node_packet(struct node *n, struct now now, const struct endpoint *local,
                 const struct endpoint *remote, struct span ike, struct actions *out)
{
    struct held h = { .kind = HELD_IKE, .local = *local, .remote = *remote };

    take_ike(n, now, &h, ike, out);
    settle(n, now, out);
}

static void take_forwarded(struct node *n, struct now now, enum held_kind kind, struct span body,
                           struct actions *out)
{
    struct held h = { .kind = kind, .forwarded = true };
    struct peer_packet pp;
    struct span packet;
    struct action *a;

    if (peer_packet_decode(body, &pp) != OK) {
        n->stats.cluster_refused++;
        return;
    }
    h.local = pp.local;
    h.remote = pp.remote;
    h.encap = pp.encap;
    packet = pp.packet;
    n->stats.from_others++;
    if (kind == HELD_IKE) {
        take_ike(n, now, &h, packet, out);
        return;
    }
    packet = actions_copy(out, packet);
    a = actions_add(out, kind == HELD_ESP ? ACT_DP_INPUT_ESP : ACT_DP_INPUT_INNER);
    a->local = h.local;
    a->remote = h.remote;
    a->forwarded = true;
    a->data = packet;
}

void node_cluster_packet(struct node *n, struct now now, const struct endpoint *from,
                         struct span datagram, struct actions *out)
{
    struct peer_message msg;
    struct peer_slots handed;
    struct heartbeat hb;
    enum err e;

    (void)from; /* the seal says who it is; addresses say nothing */
    if (n->seal == NULL || n->slots == NULL)
        return;
    e = peer_seal_open(n->seal, datagram, n->datagram, sizeof n->datagram, &msg);
    if (e != OK) {
        n->stats.cluster_refused++;
        LOG(n->cfg.env, LOG_DEBUG, "cluster-datagram-refused", F_ERR("error", e));
        return;
    }
    switch (msg.type) {
    case PEER_HEARTBEAT:
        e = heartbeat_decode(msg.body, &hb);
        if (e == OK)
            members_heard(n->members, now, msg.node, msg.boot, &hb, out);
        break;
    case PEER_IKE:
        take_forwarded(n, now, HELD_IKE, msg.body, out);
        break;
    case PEER_ESP:
        take_forwarded(n, now, HELD_ESP, msg.body, out);
        break;
    case PEER_INNER:
        take_forwarded(n, now, HELD_INNER, msg.body, out);
        break;
    case PEER_SLOTS:
        e = peer_slots_decode(msg.body, &handed);
        if (e == OK)
            slots_handed(n->slots, now, handed.slots, handed.n, out);
        break;
    case PEER_TYPE_END:
        break;
    }
    n->stats.cluster_refused += e != OK;
    settle(n, now, out);
}

void node_neighbour_refused(struct node *n, struct now now, const struct endpoint *addr,
                            struct actions *out)
{
    for (size_t i = 0; i < n->cfg.n_neighbours; i++)
        if (endpoint_eq(&n->cfg.neighbours[i].cluster_addr, addr))
            members_refused(n->members, now, n->cfg.neighbours[i].node, out);
    settle(n, now, out);
}

void node_store_state(struct node *n, struct now now, const struct store_state *st,
                      struct actions *out)
{
    n->store = *st;
    if (n->slots != NULL)
        slots_store_state(n->slots, now, st, out);
    members_store_state(n->members, now, st, out);
    settle(n, now, out);
}

void node_store_result(struct node *n, struct now now, const struct store_result *r,
                       struct actions *out)
{
    if (members_store_result(n->members, now, r, out)) {
        settle(n, now, out);
        return;
    }
    if (n->slots == NULL)
        return;
    if (!slots_store_result(n->slots, now, r, out) && (r->ticket >> 63) == 0) {
        engine_store_result(n->engine, now, r, out);
        if (r->kind == STORE_COMMIT && r->err == E_LEASE_LOST)
            slots_refused(n->slots, now, r->slot, out);
    }
    settle(n, now, out);
}

static void unknown_spi(struct node *n, struct now now, const struct dp_event *ev,
                        struct actions *out)
{
    struct held h = { .kind = HELD_ESP,
                      .forwarded = ev->forwarded,
                      .spi = ev->spi_in,
                      .slot = esp_spi_slot(ev->spi_in),
                      .local = ev->local,
                      .remote = ev->remote };

    if (esp_spi_pop(ev->spi_in) != n->cfg.pop || h.slot >= n->cfg.slots) {
        n->stats.dropped_no_owner++;
        return;
    }
    if (n->slots != NULL && slots_place(n->slots, h.slot) == SLOT_READY &&
        !engine_expects_spi(n->engine, ev->spi_in)) {
        engine_dp_event(n->engine, now, ev,
                        out); /* an unknown SPI of our own slot: may be a lost one */
        n->stats.dropped_no_owner++;
        return;
    }
    elsewhere(n, now, &h, ev->packet, out);
}

/* Destination of an inner packet, without options or extension headers: that is all routing needs.
 */
static enum err inner_destination(struct span packet, struct ip_addr *ret)
{
    struct rd r = rd_of(packet);
    struct span dst;
    uint8_t first;

    TRY(rd_u8(&r, &first));
    if (first >> 4 == 4) {
        TRY(rd_skip(&r, 15));
        TRY(rd_span(&r, 4, &dst));
    } else if (first >> 4 == 6) {
        TRY(rd_skip(&r, 23));
        TRY(rd_span(&r, 16, &dst));
    } else {
        return E_BAD_VALUE;
    }
    return ip_from_span(dst, ret);
}

static void no_sa_out(struct node *n, struct now now, const struct dp_event *ev,
                      struct actions *out)
{
    struct held h = { .kind = HELD_INNER, .forwarded = ev->forwarded };
    struct ip_addr dst;

    if (n->slots == NULL || inner_destination(ev->packet, &dst) != OK ||
        !engine_slot_of_inner(n->engine, &dst, &h.slot)) {
        n->stats.dropped_no_owner++;
        return;
    }
    if (slots_place(n->slots, h.slot) == SLOT_READY &&
        engine_session_of_inner(n->engine, &dst) == 0) {
        n->stats.dropped_no_owner++; /* nobody has that address */
        return;
    }
    elsewhere(n, now, &h, ev->packet, out);
}

void node_dp_event(struct node *n, struct now now, const struct dp_event *ev, struct actions *out)
{
    if (n->engine == NULL)
        return;
    if (ev->kind == DPE_UNKNOWN_SPI) {
        unknown_spi(n, now, ev, out);
    } else if (ev->kind == DPE_NO_SA_OUT) {
        no_sa_out(n, now, ev, out);
    } else {
        engine_dp_event(n->engine, now, ev, out);
        if (ev->kind == DPE_INSTALLED && ev->err == OK)
            release_held(n, now, esp_spi_slot(ev->spi_in), 1u << HELD_ESP | 1u << HELD_INNER, out);
    }
    settle(n, now, out);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t node_next_deadline(const struct node *n)
{
    uint64_t t = members_next_deadline(n->members);

    if (n->engine != NULL)
        t = earlier(t, engine_next_deadline(n->engine));
    if (n->slots != NULL)
        t = earlier(t, slots_next_deadline(n->slots));
    if (hold_count(n->hold) > 0)
        t = earlier(t, n->reinject_ms);
    return t;
}

/* Packets held for an owner that was only silent: its slot may have found its place meanwhile. */
static void reroute_held(struct node *n, struct now now, struct actions *out)
{
    n->reinject_ms = now.mono_ms + REINJECT_MS;
    n->stats.hold_expired += hold_expire(n->hold, now.mono_ms, HOLD_MS);
    for (uint16_t slot = 0; slot < n->cfg.slots && hold_count(n->hold) > 0; slot++) {
        struct held h;
        uint16_t owner;

        if (!hold_has(n->hold, slot) || slots_place(n->slots, slot) != SLOT_ELSEWHERE)
            continue;
        owner = members_owner(n->members, now, slot);
        if (owner == 0)
            continue;
        for (unsigned i = 0; i < LIMIT_HELD_PER_SLOT && hold_take(n->hold, slot, ~0u, &h); i++) {
            if (!h.forwarded)
                elsewhere(n, now, &h, span_bytes(h.packet), out);
            bytes_wipe_free(&h.packet);
        }
    }
}

void node_tick(struct node *n, struct now now, struct actions *out)
{
    bool away;

    members_tick(n->members, now, out);
    if (n->slots != NULL) {
        away = members_store_away(n->members, now);
        if (away != n->away) {
            n->away = away;
            engine_store_away(n->engine, away);
            LOG(n->cfg.env, LOG_WARN, away ? "store-away" : "store-back",
                F_STR("reason", n->store.reason));
        }
        if (away)
            slots_extend_without_store(n->slots, now, out);
        slots_tick(n->slots, now, out);
        if (now.mono_ms >= engine_next_deadline(n->engine))
            engine_tick(n->engine, now, out);
        if (hold_count(n->hold) > 0 && now.mono_ms >= n->reinject_ms)
            reroute_held(n, now, out);
    }
    settle(n, now, out);
}

void node_drain(struct node *n, struct now now, uint64_t event_id, struct actions *out)
{
    struct node_member_view v[LIMIT_NODES];
    size_t k = members_each(n->members, now, v, LIMIT_NODES);
    bool other = false;

    n->draining = true;
    n->drain_id = event_id;
    for (size_t i = 0; i < k; i++)
        other |= !v[i].self && v[i].member && v[i].alive && !v[i].leaving;
    if (other) {
        members_leave(n->members, now, out);
    } else if (!n->drained) {
        struct action *a = actions_add(out, ACT_EVENT);

        n->drained = true;
        a->event = EV_DRAINED;
        a->event_id = event_id;
    }
    settle(n, now, out);
}

bool node_ready(const struct node *n)
{
    return n->slots != NULL && !n->draining && members_in(n->members) &&
           slots_owned_count(n->slots) > 0;
}

bool node_drained(const struct node *n)
{
    return n->drained;
}

struct engine *node_engine(struct node *n)
{
    return n->engine;
}

uint32_t node_boot(const struct node *n)
{
    return members_boot(n->members);
}

void node_set_policy(struct node *n, const struct policy *policy)
{
    n->cfg.policy = policy;
    if (n->engine != NULL)
        engine_set_policy(n->engine, policy);
}

const struct node_stats *node_stats(const struct node *n)
{
    return &n->stats;
}

size_t node_members(const struct node *n, struct now now, struct node_member_view *ret, size_t cap)
{
    size_t k = members_each(n->members, now, ret, cap);

    for (size_t i = 0; i < k; i++)
        if (ret[i].self)
            ret[i].owned = node_owned(n);
    return k;
}

unsigned node_owned(const struct node *n)
{
    return n->slots == NULL ? 0 : slots_owned_count(n->slots);
}

uint16_t node_slot_owner(const struct node *n, struct now now, uint16_t slot)
{
    if (n->slots != NULL && slot < n->cfg.slots &&
        (slots_owned(n->slots)[slot / 8] >> (slot % 8) & 1) != 0)
        return n->cfg.node;
    return members_owner(n->members, now, slot);
}

const struct slots_stats *node_slots_stats(const struct node *n)
{
    return n->slots == NULL ? NULL : slots_stats(n->slots);
}
