/* engine_world: one engine with memory store and recorded data plane, for fuzz_engine.c. No time
 * and no randomness but what is set here, so that the same input is the same run. */
#pragma once

#include "node/core/engine.h"
#include "node/dataplane/dp_record.h"
#include "node/wire/ike_header.h"
#include "statesync/record/session_record.h"
#include "statesync/store/store_memory.h"
#include "tests/fuzz/fuzz.h"

enum { WORLD_OPS = 64, WORLD_EVENTS = 64, WORLD_OUT = 16 };

struct world {
    uint64_t random;
    struct env env;
    struct policy *policy;
    struct keyring *keyring;
    struct memstore *memory;
    struct store *store;
    struct engine *engine;
    struct dataplane *dp;
    struct actions acts;
    struct memop *ops[WORLD_OPS];
    size_t n_ops;
    struct dp_event events[WORLD_EVENTS];
    size_t n_events;
    uint8_t fates[16]; /* of the next store operations; 0: OK */
    size_t n_fates;
    uint64_t now_ms;
    bool initiator;
    struct bytes out[WORLD_OUT]; /* what was sent, oldest first; kept while keep is set */
    size_t n_out;
    bool keep;
};

static inline struct now world_now(const struct world *w)
{
    return (struct now){ w->now_ms, 1700000000000u + w->now_ms };
}

static void world_random(void *ctx, uint8_t *out, size_t len)
{
    struct world *w = ctx;

    for (size_t i = 0; i < len; i++) {
        w->random ^= w->random >> 12;
        w->random ^= w->random << 25;
        w->random ^= w->random >> 27;
        out[i] = (uint8_t)(w->random * 0x2545f4914f6cdd1du >> 56);
    }
}

static void world_event(void *ctx, const struct dp_event *ev)
{
    struct world *w = ctx;

    if (w->n_events < WORLD_EVENTS) {
        w->events[w->n_events] = *ev;
        w->events[w->n_events++].packet = SPAN_NONE;
    }
}

static void world_result(void *ctx, const struct store_result *r)
{
    struct world *w = ctx;

    if (r->ticket != UINT64_MAX)
        engine_store_result(w->engine, world_now(w), r, &w->acts);
}

static void world_state(void *ctx, const struct store_state *st)
{
    (void)ctx;
    (void)st;
}

static void world_op(void *ctx, struct memop *op)
{
    struct world *w = ctx;

    MUST(w->n_ops < WORLD_OPS);
    w->ops[w->n_ops++] = op;
}

static inline void world_connect(struct world *w)
{
    memstore_set_schedule(w->memory, world_op, w);
    w->store = memstore_connect(w->memory, 1);
    MUST(w->store != NULL);
    w->store->on_result = world_result;
    w->store->on_state = world_state;
    w->store->ctx = w;
    memstore_tell(w->store);
}

/* Answers the oldest store operation as the next fate says. */
static inline void world_answer(struct world *w)
{
    struct memop *op = w->ops[0];
    uint8_t fate = 0;

    w->n_ops--;
    memmove(w->ops, w->ops + 1, w->n_ops * sizeof w->ops[0]);
    if (w->n_fates > 0) {
        fate = w->fates[0] % 4;
        w->n_fates--;
        memmove(w->fates, w->fates + 1, w->n_fates);
    }
    if (fate == 0 || fate == 1)
        memop_execute(op, w->now_ms);
    if (fate == 0)
        memop_reply(op);
    else if (fate == 3)
        memop_fail(op);
    else
        memop_lose(op);
    memop_free(op);
}

static inline void world_sent(struct world *w, struct span m)
{
    struct rd r = rd_of(m);
    struct ike_header h;

    if (m.len == 1) /* NAT keepalive */
        return;
    MUST(ike_header_parse(&r, &h) == OK); /* what we send is what we would take */
    if (w->keep && w->n_out < WORLD_OUT)
        MUST(bytes_copy(m, &w->out[w->n_out++]) == OK);
}

static inline void world_action(struct world *w, const struct action *a)
{
    switch (a->kind) {
    case ACT_SEND:
        world_sent(w, a->data);
        break;
    case ACT_STORE:
        w->store->ops->submit(w->store, &a->op);
        break;
    case ACT_DP_INSTALL:
        w->dp->ops->install(w->dp, a->child);
        break;
    case ACT_DP_EXTEND:
        w->dp->ops->extend(w->dp, a->spi_in, a->seq_end);
        break;
    case ACT_DP_MOVE:
        w->dp->ops->move(w->dp, a->spi_in, &a->local, &a->remote, a->encap);
        break;
    case ACT_DP_REMOVE:
        w->dp->ops->remove(w->dp, a->spi_in);
        break;
    default:
        break;
    }
}

static bool world_check_one(void *ctx, const struct session_record *r)
{
    struct session_record back;
    struct bytes plain;

    (void)ctx;
    if (r->state == SS_NONE)
        return true;
    MUST(session_record_encode(r, &plain) == OK);
    MUST(session_record_decode(span_bytes(plain), &back) == OK); /* else no node could take over */
    session_record_done(&back);
    bytes_wipe_free(&plain);
    return true;
}

/* Until nothing follows any more; bounded, because a fate may ask for a retry. */
static inline void world_run(struct world *w)
{
    for (unsigned round = 0; round < 100; round++) {
        if (w->acts.n == 0 && w->n_events == 0 && w->n_ops == 0)
            break;
        for (size_t i = 0; i < w->acts.n; i++)
            world_action(w, &w->acts.v[i]);
        actions_reset(&w->acts);
        for (size_t i = 0; i < w->n_events; i++) {
            struct dp_event ev = w->events[i];

            engine_dp_event(w->engine, world_now(w), &ev, &w->acts);
        }
        w->n_events = 0;
        if (w->acts.n == 0 && w->n_ops > 0)
            world_answer(w);
    }
    engine_each_session(w->engine, world_check_one, NULL);
}

static inline void world_engine(struct world *w)
{
    static const uint8_t key[32] = { 7 }, cluster_key[32] = { 9 };
    struct engine_config cfg = { .env = &w->env,
                                 .policy = w->policy,
                                 .pop = 1,
                                 .node = w->initiator ? 2 : 1,
                                 .boot = 1700000000,
                                 .cluster_key = span_of(cluster_key, 32),
                                 .slots = 1 };

    w->env = (struct env){ .ctx = w, .random = world_random, .log_level = LOG_OFF };
    MUST(keyring_new(&w->keyring) == OK);
    MUST(keyring_add(w->keyring, 1, KEY_ACTIVE, span_of(key, 32)) == OK);
    cfg.keyring = w->keyring;
    w->dp = dp_record_new(world_event, w);
    MUST(w->dp != NULL && engine_new(&cfg, &w->engine) == OK);
    w->dp->ops->slot_deadline(w->dp, 0, UINT64_MAX);
}

struct world_entries {
    struct store_entry v[16];
    size_t n;
};

static bool world_entry(void *ctx, const struct store_entry *e)
{
    struct world_entries *l = ctx;

    MUST(l->n < 16);
    l->v[l->n++] = *e;
    return true;
}

static const struct token world_token = { 1, 1, 1700000000 };

static inline void world_open(struct world *w, bool takeover)
{
    struct slot_open so = { .token = world_token,
                            .incarnation = memstore_incarnation(w->memory),
                            .takeover = takeover };
    struct world_entries l = { .n = 0 };

    memstore_each(w->memory, 0, world_entry, &l);
    engine_slot_open(w->engine, world_now(w), &so);
    engine_slot_records(w->engine, world_now(w), 0, l.v, l.n, &w->acts);
    world_run(w);
}

static inline void world_claim(struct world *w)
{
    struct store_op op = { .kind = STORE_CLAIM, .ticket = UINT64_MAX, .token = world_token };

    w->store->ops->submit(w->store, &op);
    world_answer(w);
    MUST(memstore_row(w->memory, 0).token.boot == world_token.boot);
}

static inline void world_done(struct world *w)
{
    while (w->n_ops > 0) {
        memop_free(w->ops[--w->n_ops]);
    }
    engine_free(w->engine);
    dp_record_free(w->dp);
    w->store->ops->free(w->store);
    memstore_free(w->memory);
    keyring_free(w->keyring);
    actions_free(&w->acts);
    for (size_t i = 0; i < w->n_out; i++)
        bytes_free(&w->out[i]);
}
