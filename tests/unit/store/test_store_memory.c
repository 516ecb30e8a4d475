#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "statesync/store/store_memory.h"
#include "tests/store/store_suite.h"

static const struct incarnation IN1 = { { 1 } }, IN2 = { { 2 } };
static const struct token T1 = { 1, 11, 1000 }, T2 = { 2, 22, 2000 };

/* ---- the shared list ---- */

struct embedded {
    struct memstore *m;
    uint64_t now_ms;
};

static struct store *embedded_connect(void *ctx)
{
    return memstore_connect(((struct embedded *)ctx)->m, 1);
}

static void embedded_pump(void *ctx, struct store *s)
{
    store_memory_poll(s, ++((struct embedded *)ctx)->now_ms);
}

static void embedded_wait(void *ctx, unsigned ms)
{
    ((struct embedded *)ctx)->now_ms += ms;
}

static void suite_fail(void *ctx, const char *file, int line, const char *what)
{
    (void)ctx;
    cr_assert_fail("%s:%d: %s", file, line, what);
}

ParameterizedTestParameters(store_memory, suite)
{
    static int index[STORE_SUITE_CASES];

    for (int i = 0; i < STORE_SUITE_CASES; i++)
        index[i] = i;
    return cr_make_param_array(int, index, STORE_SUITE_CASES);
}

ParameterizedTest(int *index, store_memory, suite)
{
    struct embedded e = { 0 };
    struct suite_backend b = { &e, embedded_connect, embedded_pump, embedded_wait, suite_fail };

    cr_assert_not_null(store_suite[*index].name);
    cr_assert_eq(memstore_new(&IN1, &e.m), OK);
    store_suite[*index].run(&b);
    memstore_free(e.m);
}

/* ---- simulated ---- */

struct world {
    struct memstore *m;
    struct memop *ops[32];
    size_t n_ops;
    enum err last;
    struct token row;
    unsigned results, states;
    bool up;
    struct incarnation in;
    char order[32]; /* S state, R result */
};

static void schedule(void *ctx, struct memop *op)
{
    struct world *w = ctx;

    cr_assert_lt(w->n_ops, 32);
    w->ops[w->n_ops++] = op;
}

static void note(struct world *w, char c)
{
    size_t n = strlen(w->order);

    cr_assert_lt(n + 1, sizeof w->order);
    w->order[n] = c;
}

static void on_result(void *ctx, const struct store_result *r)
{
    struct world *w = ctx;

    w->results++;
    w->last = r->err;
    w->row = r->row.token;
    note(w, 'R');
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct world *w = ctx;

    w->states++;
    w->up = st->up;
    w->in = st->incarnation;
    note(w, 'S');
}

static void world_init(struct world *w)
{
    *w = (struct world){ 0 };
    cr_assert_eq(memstore_new(&IN1, &w->m), OK);
    memstore_set_schedule(w->m, schedule, w);
}

static struct store *world_connect(struct world *w, uint16_t node)
{
    struct store *s = memstore_connect(w->m, node);

    cr_assert_not_null(s);
    s->on_result = on_result;
    s->on_state = on_state;
    s->ctx = w;
    memstore_tell(s);
    return s;
}

static struct memop *submit_claim(struct world *w, struct store *s, struct token from,
                                  struct token to)
{
    struct store_op op = {
        .kind = STORE_CLAIM, .ticket = 1, .slot = 3, .token = to, .expect_token = from
    };

    s->ops->submit(s, &op);
    return w->ops[w->n_ops - 1];
}

static struct memop *submit_commit(struct world *w, struct store *s, struct token t, uint64_t id,
                                   uint64_t expect, const char *value)
{
    char copy[32];
    struct store_op op = {
        .kind = STORE_COMMIT, .ticket = 2, .slot = 3, .token = t, .n_writes = 1
    };

    snprintf(copy, sizeof copy, "%s", value);
    op.writes[0] = (struct store_write){ .id = id, .expect = expect, .value = span_str(copy) };
    s->ops->submit(s, &op);
    memset(copy, 0, sizeof copy); /* borrowed only during submit */
    return w->ops[w->n_ops - 1];
}

static void finish(struct memop *op)
{
    memop_execute(op, 1);
    memop_reply(op);
    memop_free(op);
}

Test(store_memory, nothing_happens_by_itself)
{
    struct world w;
    struct store *s;
    struct memop *op;

    world_init(&w);
    s = world_connect(&w, 7);
    op = submit_claim(&w, s, (struct token){ 0 }, T1);
    cr_assert_eq(memop_node(op), 7);
    cr_assert_eq(memop_request(op)->kind, STORE_CLAIM);
    cr_assert(!memop_executed(op));
    cr_assert_eq(memstore_row(w.m, 3).token.epoch, 0);
    memop_execute(op, 1);
    cr_assert_eq(memstore_row(w.m, 3).token.epoch, 1);
    cr_assert_eq(w.results, 0);
    cr_assert_eq(memop_outcome(op), OK);
    memop_reply(op);
    memop_reply(op);
    cr_assert_eq(w.results, 1);
    cr_assert_eq(w.last, OK);
    memop_free(op);
    s->ops->free(s);
    memstore_free(w.m);
}

Test(store_memory, lost_answer_may_be_executed_later)
{
    struct world w;
    struct store *s;
    struct memop *op;
    struct store_entry e;

    world_init(&w);
    s = world_connect(&w, 7);
    finish(submit_claim(&w, s, (struct token){ 0 }, T1));
    op = submit_commit(&w, s, T1, 9, 0, "value");
    memop_lose(op);
    cr_assert_eq(w.last, E_STORE_UNKNOWN);
    cr_assert(!memstore_record(w.m, 3, 9, &e));
    memop_execute(op, 2);
    memop_free(op);
    cr_assert(memstore_record(w.m, 3, 9, &e));
    cr_assert(span_eq(e.value, span_str("value")));
    cr_assert_eq(w.results, 2);
    s->ops->free(s);
    memstore_free(w.m);
}

Test(store_memory, fail_is_certain)
{
    struct world w;
    struct store *s;
    struct memop *op;

    world_init(&w);
    s = world_connect(&w, 7);
    op = submit_claim(&w, s, (struct token){ 0 }, T1);
    memop_fail(op);
    memop_free(op);
    cr_assert_eq(w.last, E_STORE_DOWN);
    cr_assert_eq(memstore_row(w.m, 3).token.epoch, 0);
    s->ops->free(s);
    memstore_free(w.m);
}

Test(store_memory, down_executes_nothing)
{
    struct world w;
    struct store *s;

    world_init(&w);
    s = world_connect(&w, 7);
    memstore_set_down(w.m, true);
    memstore_tell(s);
    cr_assert(!w.up);
    finish(submit_claim(&w, s, (struct token){ 0 }, T1));
    cr_assert_eq(w.last, E_STORE_DOWN);
    cr_assert_eq(memstore_row(w.m, 3).token.epoch, 0);
    memstore_set_down(w.m, false);
    memstore_tell(s);
    cr_assert(w.up);
    finish(submit_claim(&w, s, (struct token){ 0 }, T1));
    cr_assert_eq(w.last, OK);
    s->ops->free(s);
    memstore_free(w.m);
}

Test(store_memory, rollback_loses_acknowledged_writes)
{
    struct world w;
    struct store *s;
    struct memstore *snap;
    struct store_entry e;

    world_init(&w);
    s = world_connect(&w, 7);
    finish(submit_claim(&w, s, (struct token){ 0 }, T1));
    finish(submit_commit(&w, s, T1, 9, 0, "old"));
    snap = memstore_snapshot(w.m);
    finish(submit_commit(&w, s, T1, 9, 1, "new"));
    finish(submit_commit(&w, s, T1, 10, 0, "another"));
    cr_assert_eq(w.last, OK);
    cr_assert_eq(memstore_rollback(w.m, snap, &IN2), OK);
    memstore_free(snap);
    cr_assert(memstore_record(w.m, 3, 9, &e));
    cr_assert_eq(e.version, 1);
    cr_assert(span_eq(e.value, span_str("old")));
    cr_assert(!memstore_record(w.m, 3, 10, &e));
    /* The row is still vouched for under the former incarnation: a claimant sees that. */
    struct store_row row = memstore_row(w.m, 3);
    cr_assert(incarnation_eq(&row.vouched, &IN1));
    s->ops->free(s);
    memstore_free(w.m);
}

/* A result of the new incarnation never comes before the news of it. */
Test(store_memory, incarnation_is_told_before_its_results)
{
    struct world w;
    struct store *s;

    world_init(&w);
    s = world_connect(&w, 7);
    memset(w.order, 0, sizeof w.order);
    memstore_failover(w.m, &IN2);
    finish(submit_claim(&w, s, (struct token){ 0 }, T1));
    cr_assert_str_eq(w.order, "SR");
    cr_assert(incarnation_eq(&w.in, &IN2));
    cr_assert_eq(w.last, OK);
    s->ops->free(s);
    memstore_free(w.m);
}

/* An answer of the former incarnation was on a connection that broke. */
Test(store_memory, late_answer_of_an_old_incarnation_is_unknown)
{
    struct world w;
    struct store *s;
    struct memop *op;

    world_init(&w);
    s = world_connect(&w, 7);
    op = submit_claim(&w, s, (struct token){ 0 }, T1);
    memop_execute(op, 1);
    memstore_wipe(w.m, &IN2);
    memstore_tell(s);
    memop_reply(op);
    memop_free(op);
    cr_assert_eq(w.last, E_STORE_UNKNOWN);
    cr_assert_eq(memstore_row(w.m, 3).token.epoch, 0);
    s->ops->free(s);
    memstore_free(w.m);
}

/* A node that still talks to the former primary changes nothing in the new one. */
Test(store_memory, stale_primary)
{
    struct world w;
    struct store *stale, *good;
    struct memstore *old;

    world_init(&w);
    stale = world_connect(&w, 7);
    good = world_connect(&w, 8);
    finish(submit_claim(&w, good, (struct token){ 0 }, T1));
    old = memstore_snapshot(w.m);
    memstore_move(stale, old);
    memstore_failover(w.m, &IN2);
    memstore_tell(good);
    finish(submit_claim(&w, good, T1, T2));
    cr_assert_eq(w.last, OK);
    finish(submit_commit(&w, stale, T1, 5, 0, "lost"));
    cr_assert_eq(w.last, OK);
    struct store_entry e;
    cr_assert(memstore_record(old, 3, 5, &e));
    cr_assert(!memstore_record(w.m, 3, 5, &e));
    memstore_move(stale, w.m);
    memstore_tell(stale);
    finish(submit_commit(&w, stale, T1, 6, 0, "late"));
    cr_assert_eq(w.last, E_LEASE_LOST);
    cr_assert(token_eq(&w.row, &T2));
    stale->ops->free(stale);
    good->ops->free(good);
    memstore_free(old);
    memstore_free(w.m);
}

Test(store_memory, crashed_node_hears_nothing)
{
    struct world w;
    struct store *s;
    struct memop *op;

    world_init(&w);
    s = world_connect(&w, 7);
    op = submit_claim(&w, s, (struct token){ 0 }, T1);
    s->ops->free(s);
    finish(op);
    cr_assert_eq(w.results, 0);
    cr_assert_eq(memstore_row(w.m, 3).token.epoch, 1);
    memstore_free(w.m);
}

static bool count_entry(void *ctx, const struct store_entry *e)
{
    unsigned *n = ctx;

    cr_assert_eq(e->id, 100 + *n); /* in order of creation */
    return ++*n < 1500;
}

Test(store_memory, many_records_keep_their_order)
{
    struct world w;
    struct store *s;
    struct store_entry e;
    unsigned n = 0;

    world_init(&w);
    s = world_connect(&w, 7);
    finish(submit_claim(&w, s, (struct token){ 0 }, T1));
    for (uint64_t id = 100; id < 2100; id++) {
        w.n_ops = 0;
        memset(w.order, 0, sizeof w.order);
        finish(submit_commit(&w, s, T1, id, 0, "x"));
    }
    memstore_each(w.m, 3, count_entry, &n);
    cr_assert_eq(n, 1500);
    cr_assert(memstore_record(w.m, 3, 2099, &e));
    cr_assert(!memstore_record(w.m, 4, 2099, &e));
    s->ops->free(s);
    memstore_free(w.m);
}

/* In this build planted breaks are not compiled in: asking for them changes nothing. */
Test(store_memory, breaks_are_not_in_this_build)
{
    struct world w;
    struct store *s;

    world_init(&w);
    memstore_set_breaks(w.m, &(struct memstore_breaks){ true, true });
    s = world_connect(&w, 7);
    finish(submit_claim(&w, s, (struct token){ 0 }, T1));
    finish(submit_claim(&w, s, (struct token){ 0 }, T2));
    cr_assert_eq(w.last, E_CONFLICT);
    finish(submit_commit(&w, s, T2, 1, 0, "x"));
    cr_assert_eq(w.last, E_LEASE_LOST);
    s->ops->free(s);
    memstore_free(w.m);
}

static void wake(void *ctx)
{
    ++*(unsigned *)ctx;
}

Test(store_memory, embedded_wakes_and_frees_what_is_queued)
{
    struct memstore *m;
    struct store *s;
    struct store_op op = { .kind = STORE_GET, .name = "x" };
    unsigned woken = 0;

    cr_assert_eq(memstore_new(&IN1, &m), OK);
    s = memstore_connect(m, 1);
    store_memory_set_wake(s, wake, &woken);
    s->ops->submit(s, &op);
    s->ops->submit(s, &op);
    cr_assert_eq(woken, 2);
    cr_assert(store_memory_pending(s));
    cr_assert_eq(store_memory_poll(s, 1), 2);
    cr_assert(!store_memory_pending(s));
    s->ops->submit(s, &op);
    s->ops->free(s);
    memstore_free(m);
}
