/* Ownership of slots: two nodes over one memory store, with its answers in the test's hand. What
 * must hold after every step: no slot is served by both (INV-OWNER). */
#include "statesync/store/store_memory.h"
#include "tests/unit/core/engine_rig.h"
#include "node/core/slots.h"

enum { SLOTS = 16, OPS = 256, DEADLINE_MS = 3000 };

struct world;

struct owner {
    struct rig rig;
    struct world *world;
    struct slots *slots;
    struct store *store;
    struct actions acts;
    struct memop *ops[OPS];
    size_t n_ops;
    bool hold; /* operations wait */
    uint64_t deadline[SLOTS];
    bool up;
};

struct world {
    struct owner v[2];
    struct memstore *memory;
    uint64_t now_ms;
};

static struct now now_of(const struct world *w)
{
    return (struct now){ w->now_ms, 1700000000000u + w->now_ms };
}

static void on_result(void *ctx, const struct store_result *r)
{
    struct owner *o = ctx;

    if (!slots_store_result(o->slots, now_of(o->world), r, &o->acts))
        engine_store_result(o->rig.engine, now_of(o->world), r, &o->acts);
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct owner *o = ctx;

    slots_store_state(o->slots, now_of(o->world), st, &o->acts);
}

static void on_op(void *ctx, struct memop *op)
{
    struct world *w = ctx;
    struct owner *o = &w->v[memop_node(op) - 1];

    cr_assert_lt(o->n_ops, OPS);
    o->ops[o->n_ops++] = op;
}

static void check_owners(struct world *w)
{
    for (unsigned s = 0; s < SLOTS; s++)
        cr_assert_not(w->v[0].up && w->v[1].up && w->v[0].deadline[s] > w->now_ms &&
                          w->v[1].deadline[s] > w->now_ms,
                      "INV-OWNER: slot %u passes at both", s);
}

static void run(struct owner *o)
{
    for (unsigned i = 0; i < 100000; i++) {
        struct memop *op;

        for (size_t k = 0; k < o->acts.n; k++) {
            const struct action *a = &o->acts.v[k];

            if (a->kind == ACT_STORE)
                o->store->ops->submit(o->store, &a->op);
            else if (a->kind == ACT_DP_DEADLINE)
                o->deadline[a->slot] = a->deadline_ms;
        }
        actions_reset(&o->acts);
        check_owners(o->world);
        if (o->hold || o->n_ops == 0)
            return;
        op = o->ops[0];
        memmove(o->ops, o->ops + 1, --o->n_ops * sizeof o->ops[0]);
        memop_execute(op, o->world->now_ms);
        memop_reply(op);
        memop_free(op);
    }
    cr_assert_fail("does not come to rest");
}

static void start(struct world *w, unsigned i)
{
    struct owner *o = &w->v[i];
    struct slots_config cfg = { .node = (uint16_t)(i + 1),
                                .boot = 1001u + i + (uint32_t)w->now_ms,
                                .n_slots = SLOTS,
                                .deadline_ms = DEADLINE_MS };

    *o = (struct owner){ .world = w };
    rig_start(&o->rig, cfg.node, SLOTS);
    cfg.env = &o->rig.env;
    cr_assert_eq(slots_new(&cfg, o->rig.engine, &o->slots), OK);
    o->store = memstore_connect(w->memory, cfg.node);
    o->store->on_result = on_result;
    o->store->on_state = on_state;
    o->store->ctx = o;
    o->rig.node = cfg.node;
    o->rig.random = cfg.boot;
    o->up = true;
    memstore_tell(o->store);
    run(o);
}

static void stop(struct owner *o)
{
    if (!o->up)
        return;
    while (o->n_ops > 0)
        memop_free(o->ops[--o->n_ops]);
    o->slots = slots_free(o->slots);
    o->store->ops->free(o->store);
    rig_stop(&o->rig);
    actions_free(&o->acts);
    o->up = false;
}

static void begin(struct world *w)
{
    struct incarnation first = { { 1 } };

    *w = (struct world){ .now_ms = 1000 };
    cr_assert_eq(memstore_new(&first, &w->memory), OK);
    memstore_set_schedule(w->memory, on_op, w);
}

static void end(struct world *w)
{
    stop(&w->v[0]);
    stop(&w->v[1]);
    memstore_free(w->memory);
}

/* split: the first so many slots are node 1's, the others node 2's. members: bit 0 node 1, bit 1
 * node 2. */
static void view(struct world *w, unsigned i, unsigned split, unsigned members, bool may_claim)
{
    uint16_t target[SLOTS], ids[2];
    uint32_t boots[2];
    bool alive[2] = { true, true };
    struct slots_view v = {
        .target = target, .members = ids, .boots = boots, .alive = alive, .may_claim = may_claim
    };

    for (unsigned s = 0; s < SLOTS; s++)
        target[s] = s < split ? 1 : 2;
    for (unsigned m = 0; m < 2; m++)
        if ((members >> m & 1) != 0) {
            ids[v.n_members] = (uint16_t)(m + 1);
            boots[v.n_members++] = 1001u + m;
        }
    slots_set_view(w->v[i].slots, now_of(w), &v, &w->v[i].acts);
    run(&w->v[i]);
}

static void pass(struct world *w, uint64_t ms)
{
    for (uint64_t end_ms = w->now_ms + ms; w->now_ms < end_ms; w->now_ms += 50)
        for (unsigned i = 0; i < 2; i++)
            if (w->v[i].up) {
                slots_tick(w->v[i].slots, now_of(w), &w->v[i].acts);
                run(&w->v[i]);
            }
}

static unsigned owned(struct world *w, unsigned i)
{
    return slots_owned_count(w->v[i].slots);
}

/* The nodes' boot seconds are 1001 and 1002 as long as the world's clock starts at 0. */
static void begin_two(struct world *w)
{
    begin(w);
    w->now_ms = 0;
    start(w, 0);
    start(w, 1);
}

Test(slots, a_lone_node_claims_all)
{
    struct world w;
    uint16_t slot, n = 0;

    begin(&w);
    w.now_ms = 0;
    start(&w, 0);
    view(&w, 0, SLOTS, 1, true);
    pass(&w, 200);
    cr_assert_eq(owned(&w, 0), SLOTS);
    while (slots_next_ready(w.v[0].slots, &slot))
        n++;
    cr_assert_eq(n, SLOTS);
    for (uint16_t s = 0; s < SLOTS; s++) {
        cr_assert_eq(slots_place(w.v[0].slots, s), SLOT_READY);
        cr_assert_eq(memstore_row(w.memory, s).token.node, 1);
        cr_assert_eq(memstore_row(w.memory, s).token.epoch, 1);
        cr_assert_gt(w.v[0].deadline[s], w.now_ms);
    }
    cr_assert_eq(slots_stats(w.v[0].slots)->takeovers, 0);
    cr_assert_eq(slots_stats(w.v[0].slots)->suspect, 0);
    end(&w);
}

Test(slots, who_may_not_claim_does_not)
{
    struct world w;

    begin(&w);
    w.now_ms = 0;
    start(&w, 0);
    view(&w, 0, SLOTS, 1, false);
    pass(&w, 3000);
    cr_assert_eq(owned(&w, 0), 0);
    cr_assert_eq(slots_stats(w.v[0].slots)->claims, 0);
    end(&w);
}

/* A second node comes: half of the slots are handed over, one owner each at any time. */
Test(slots, handover)
{
    struct world w;
    uint16_t node, list[SLOTS];
    size_t n;

    begin_two(&w);
    view(&w, 0, SLOTS, 1, true);
    pass(&w, 200);
    view(&w, 1, 8, 3, true);
    pass(&w, 500);
    cr_assert_eq(owned(&w, 1), 0, "nothing is taken from a living owner");
    view(&w, 0, 8, 3, true);
    pass(&w, 500);
    cr_assert_eq(owned(&w, 0), 8);
    cr_assert(slots_next_handed(w.v[0].slots, &node, list, SLOTS, &n));
    cr_assert_eq(node, 2);
    cr_assert_eq(n, 8);
    slots_handed(w.v[1].slots, now_of(&w), list, n, &w.v[1].acts);
    run(&w.v[1]);
    cr_assert_eq(owned(&w, 1), 8, "the notice is enough, no claim");
    cr_assert_eq(slots_stats(w.v[1].slots)->accepted, 8);
    cr_assert_eq(slots_stats(w.v[1].slots)->takeovers, 0);
    pass(&w, 5000);
    cr_assert_eq(owned(&w, 0) + owned(&w, 1), SLOTS);
    end(&w);
}

/* The notice is lost: the row tells. */
Test(slots, handover_without_notice)
{
    struct world w;

    begin_two(&w);
    view(&w, 0, SLOTS, 1, true);
    pass(&w, 200);
    view(&w, 1, 8, 3, true);
    view(&w, 0, 8, 3, true);
    pass(&w, 3000);
    cr_assert_eq(owned(&w, 0), 8);
    cr_assert_eq(owned(&w, 1), 8);
    end(&w);
}

Test(slots, takeover)
{
    struct world w;

    begin_two(&w);
    view(&w, 0, 8, 3, true);
    view(&w, 1, 8, 3, true);
    pass(&w, 500);
    cr_assert_eq(owned(&w, 0), 8);
    cr_assert_eq(owned(&w, 1), 8);
    stop(&w.v[0]);
    view(&w, 1, 0, 3, true);
    pass(&w, 2000);
    cr_assert_eq(owned(&w, 1), 8, "not before membership says so");
    view(&w, 1, 0, 2, true);
    pass(&w, 200);
    cr_assert_eq(owned(&w, 1), SLOTS);
    cr_assert_eq(slots_stats(w.v[1].slots)->takeovers, 8);
    cr_assert_eq(memstore_row(w.memory, 0).token.epoch, 2);
    end(&w);
}

/* A node that was put out while it stood still finds its rows gone, and stops. */
Test(slots, loses_what_others_took)
{
    struct world w;

    begin_two(&w);
    view(&w, 0, SLOTS, 3, true);
    pass(&w, 200);
    cr_assert_eq(owned(&w, 0), SLOTS);
    w.v[0].up = false; /* paused: its deadlines pass */
    view(&w, 1, 0, 2, true);
    pass(&w, DEADLINE_MS + 500);
    cr_assert_eq(owned(&w, 1), SLOTS);
    w.v[0].up = true;
    for (unsigned s = 0; s < SLOTS; s++)
        cr_assert_leq(w.v[0].deadline[s], w.now_ms, "its data plane has closed by itself");
    pass(&w, 2000);
    cr_assert_eq(owned(&w, 0), 0);
    cr_assert_eq(slots_stats(w.v[0].slots)->lost, SLOTS);
    end(&w);
}

/* The answer to a claim is lost: the row says whether it went through. */
static void claim_unknown(bool executed)
{
    struct world w;
    struct owner *o = &w.v[0];

    begin(&w);
    w.now_ms = 0;
    start(&w, 0);
    o->hold = true;
    view(&w, 0, SLOTS, 1, true);
    o->hold = false;
    {
        struct memop *rows = o->ops[0]; /* the rows, then claims are held */

        cr_assert_eq(memop_request(rows)->kind, STORE_ROWS);
        o->n_ops = 0;
        memop_execute(rows, w.now_ms);
        o->hold = true;
        memop_reply(rows);
        memop_free(rows);
        run(o);
    }
    cr_assert_eq(o->n_ops, SLOTS);
    for (size_t i = 0; i < SLOTS; i++) {
        if (executed)
            memop_execute(o->ops[i], w.now_ms);
        memop_lose(o->ops[i]);
        memop_free(o->ops[i]);
    }
    o->n_ops = 0;
    cr_assert_eq(owned(&w, 0), 0);
    o->hold = false;
    pass(&w, 3000);
    cr_assert_eq(owned(&w, 0), SLOTS);
    cr_assert_eq(memstore_row(w.memory, 0).token.node, 1);
    cr_assert_eq(memstore_row(w.memory, 0).token.epoch, 1);
    end(&w);
}

Test(slots, claim_unknown)
{
    claim_unknown(true);
    claim_unknown(false);
}

/* Renewal stops when the store is gone; the deadline passes and the slot serves nothing. */
Test(slots, deadline)
{
    struct world w;
    struct owner *o = &w.v[0];

    begin(&w);
    w.now_ms = 0;
    start(&w, 0);
    view(&w, 0, SLOTS, 1, true);
    pass(&w, 200);
    o->hold = true;
    pass(&w, DEADLINE_MS + 500);
    for (unsigned s = 0; s < SLOTS; s++)
        cr_assert_leq(o->deadline[s], w.now_ms);
    o->hold = false;
    run(o);
    pass(&w, 1000);
    for (unsigned s = 0; s < SLOTS; s++)
        cr_assert_gt(o->deadline[s], w.now_ms);
    cr_assert_eq(owned(&w, 0), SLOTS, "nobody else took them");
    end(&w);
}

/* The store changes its incarnation: every slot is read, compared, vouched for again. */
Test(slots, vouches_after_a_failover)
{
    struct world w;
    struct incarnation next = { { 2 } };

    begin(&w);
    w.now_ms = 0;
    start(&w, 0);
    view(&w, 0, SLOTS, 1, true);
    pass(&w, 200);
    memstore_failover(w.memory, &next);
    memstore_tell(w.v[0].store);
    run(&w.v[0]);
    pass(&w, 2000);
    cr_assert_eq(owned(&w, 0), SLOTS);
    for (uint16_t s = 0; s < SLOTS; s++) {
        struct store_row row = memstore_row(w.memory, s);

        cr_assert(incarnation_eq(&row.vouched, &next));
        cr_assert_eq(slots_place(w.v[0].slots, s), SLOT_READY);
    }
    end(&w);
}

/* Even an empty store: rows are claimed again, by the one who owned them. */
Test(slots, survives_an_empty_store)
{
    struct world w;
    struct incarnation next = { { 3 } };

    begin(&w);
    w.now_ms = 0;
    start(&w, 0);
    view(&w, 0, SLOTS, 1, true);
    pass(&w, 200);
    memstore_wipe(w.memory, &next);
    memstore_tell(w.v[0].store);
    run(&w.v[0]);
    pass(&w, 2000);
    cr_assert_eq(owned(&w, 0), SLOTS);
    for (uint16_t s = 0; s < SLOTS; s++)
        cr_assert_gt(memstore_row(w.memory, s).token.epoch, 1);
    end(&w);
}

/* Owner and store are lost at once: what the successor claims is suspect. */
Test(slots, suspect)
{
    struct world w;
    struct incarnation next = { { 4 } };

    begin_two(&w);
    view(&w, 0, SLOTS, 1, true);
    pass(&w, 200);
    stop(&w.v[0]);
    memstore_failover(w.memory, &next);
    memstore_tell(w.v[1].store);
    run(&w.v[1]);
    view(&w, 1, 0, 2, true);
    pass(&w, 500);
    cr_assert_eq(owned(&w, 1), SLOTS);
    cr_assert_eq(slots_stats(w.v[1].slots)->suspect, SLOTS);
    end(&w);
}
