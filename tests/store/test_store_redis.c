/* The redis backend against a real redis-server: the list shared by all backends, and what only
 * this one can do wrong. Faults of the server are in test_store_redis_faults. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/store/redis_server.h"
#include "tests/store/store_rig.h"
#include "tests/store/store_suite.h"

/* ---- the shared list ---- */

struct suite_ctx {
    struct redis_server server;
    uv_loop_t loop;
    struct env env;
};

static struct store *suite_connect(void *ctx)
{
    struct suite_ctx *c = ctx;
    struct store_redis_config cfg = {
        .path = c->server.sock, .pop = 3, .env = &c->env, .loop = &c->loop
    };
    struct store *s = NULL;

    cr_assert_eq(store_redis_new(&cfg, &s, NULL), OK);
    return s;
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

static void suite_pump(void *ctx, struct store *s)
{
    struct suite_ctx *c = ctx;
    uv_timer_t tick;

    (void)s;
    uv_timer_init(&c->loop, &tick);
    uv_timer_start(&tick, on_tick, 5, 0);
    uv_run(&c->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&c->loop, UV_RUN_NOWAIT);
}

static void suite_wait(void *ctx, unsigned ms)
{
    struct suite_ctx *c = ctx;
    uint64_t end = uv_hrtime() / 1000000 + ms;

    while (uv_hrtime() / 1000000 <= end)
        suite_pump(c, NULL);
}

static void suite_fail(void *ctx, const char *file, int line, const char *what)
{
    (void)ctx;
    cr_assert_fail("%s:%d: %s", file, line, what);
}

ParameterizedTestParameters(redis, suite)
{
    static int index[STORE_SUITE_CASES];

    for (int i = 0; i < STORE_SUITE_CASES; i++)
        index[i] = i;
    return cr_make_param_array(int, index, STORE_SUITE_CASES);
}

ParameterizedTest(int *index, redis, suite, .timeout = 30)
{
    struct suite_ctx *c = calloc(1, sizeof *c);
    struct suite_backend b = { c, suite_connect, suite_pump, suite_wait, suite_fail };

    cr_assert_not_null(store_suite[*index].name);
    redis_server_start(&c->server, NULL);
    cr_assert_eq(uv_loop_init(&c->loop), 0);
    c->env = (struct env){ .random = env_os_random };
    store_suite[*index].run(&b);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&c->loop), 0, "case %s left a handle", store_suite[*index].name);
    redis_server_done(&c->server);
    free(c);
}

/* ---- of its own ---- */

struct live {
    struct redis_server server;
    struct rig rig;
};

static struct live *live_up(const char *const *options, struct store_redis_config cfg)
{
    struct live *l = calloc(1, sizeof *l);

    redis_server_start(&l->server, options);
    rig_init(&l->rig);
    cfg.path = l->server.sock;
    rig_open(&l->rig, cfg);
    cr_assert(rig_until(&l->rig, rig_up, 5000), "not up: %s", l->rig.states[0].reason);
    return l;
}

static void live_done(struct live *l)
{
    rig_done(&l->rig);
    redis_server_done(&l->server);
    free(l);
}

static const struct store_redis_config plain = { 0 };

Test(redis, every_octet_survives, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct token t = { .epoch = 0x0d0a2400, .node = 0x0fff, .boot = 0x00ff0d0a };
    struct store_op load = { .kind = STORE_LOAD, .slot = 4095 };
    const struct rig_result *r;
    const uint64_t id = 0x000d0a2400ff0102;
    uint8_t value[RIG_VALUE];

    for (unsigned i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)i;
    rig_own(&l->rig, 4095, t);
    cr_assert_eq(rig_do(&l->rig, rig_commit(4095, t, id, 0, value, sizeof value))->r.err, OK);
    r = rig_do(&l->rig, load);
    cr_assert_eq(r->r.n_entries, 1);
    cr_assert_eq(r->entries[0].id, id);
    cr_assert_eq(r->entries[0].value.len, sizeof value);
    cr_assert_arr_eq(r->entry_value[0], value, sizeof value);
    live_done(l);
}

/* Above 2^53 a double could not tell neighbours apart. */
Test(redis, versions_are_64_bits, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct token t = rig_token(1, 1);
    const struct rig_result *r;

    rig_own(&l->rig, 1, t);
    /* id 1, version 2^60 + 1 */
    redis_server_ask(&l->server, NULL, NULL, 0, "HSET ikestra:{1:1}:s %b %b", "\0\0\0\0\0\0\0\1",
                     (size_t)8, "\x10\0\0\0\0\0\0\1xx", (size_t)10);
    r = rig_do(&l->rig, rig_commit(1, t, 1, (1ull << 60), "v", 1));
    cr_assert_eq(r->r.err, E_CONFLICT);
    cr_assert_eq(r->r.version, (1ull << 60) + 1);
    r = rig_do(&l->rig, rig_commit(1, t, 1, (1ull << 60) + 1, "v", 1));
    cr_assert_eq(r->r.err, OK);
    r = rig_do(&l->rig, (struct store_op){ .kind = STORE_LOAD, .slot = 1 });
    cr_assert_eq(r->entries[0].version, (1ull << 60) + 2);
    live_done(l);
}

Test(redis, keys_are_as_documented, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct store_op put = {
        .kind = STORE_PUT, .name = "lease:n-7", .value = span_str("x"), .ttl_ms = 60000
    };
    struct token t = rig_token(9, 0x123);
    uint8_t text[64];

    rig_own(&l->rig, 17, t);
    cr_assert_eq(rig_do(&l->rig, rig_commit(17, t, 2, 0, "abc", 3))->r.err, OK);
    cr_assert_eq(rig_do(&l->rig, put)->r.err, OK);
    redis_server_ask(&l->server, NULL, (char *)text, sizeof text, "GET ikestra:{1:17}:row");
    cr_assert_arr_eq(text, "\1\0\0\0\x09\1\x23\x65\x53\xf1\0", 11);
    cr_assert_arr_eq(text + 11, l->rig.states[0].incarnation.id, 16);
    cr_assert_eq(redis_server_ask(&l->server, NULL, NULL, 0, "STRLEN ikestra:{1:17}:row"), 27);
    cr_assert_eq(redis_server_ask(&l->server, NULL, NULL, 0, "HLEN ikestra:{1:17}:s"), 1);
    redis_server_ask(&l->server, NULL, (char *)text, sizeof text, "HGET ikestra:{1:17}:s %b",
                     "\0\0\0\0\0\0\0\2", (size_t)8);
    cr_assert_arr_eq(text, "\0\0\0\0\0\0\0\1abc", 11);
    redis_server_ask(&l->server, NULL, (char *)text, sizeof text, "GET ikestra:{1}:o:lease:n-7");
    cr_assert_arr_eq(text, "\0\0\0\0\0\0\0\1x", 9);
    cr_assert_gt(redis_server_ask(&l->server, NULL, NULL, 0, "PTTL ikestra:{1}:o:lease:n-7"),
                 50000);
    live_done(l);
}

static unsigned long calls(struct live *l, const char *command)
{
    char text[8192], key[64];
    const char *p;

    redis_server_ask(&l->server, NULL, text, sizeof text, "INFO commandstats");
    snprintf(key, sizeof key, "cmdstat_%s:calls=", command);
    p = strstr(text, key);
    return p == NULL ? 0 : strtoul(p + strlen(key), NULL, 10);
}

/* tests/bench/redis_commits.py counts commits by these. */
Test(redis, commits_show_in_command_statistics, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct token t = rig_token(1, 1);
    struct store_op two = rig_commit(1, t, 100, 0, "x", 1);
    struct store_op none = { .kind = STORE_COMMIT, .slot = 1, .token = t };

    rig_own(&l->rig, 1, t);
    cr_assert_eq(calls(l, "getrange"), 0);
    cr_assert_eq(calls(l, "hset"), 0);
    for (uint64_t i = 0; i < 10; i++)
        cr_assert_eq(rig_do(&l->rig, rig_commit(1, t, i, 0, "x", 1))->r.err, OK);
    two.n_writes = 2;
    two.writes[1] = (struct store_write){ .id = 101, .value = span_str("y") };
    cr_assert_eq(rig_do(&l->rig, two)->r.err, OK);
    cr_assert_eq(rig_do(&l->rig, none)->r.err, OK);
    cr_assert_eq(calls(l, "getrange"), 12);
    cr_assert_eq(calls(l, "hset"), 12);
    cr_assert_eq(calls(l, "evalsha"), 13);
    live_done(l);
}

/* Two PoPs in one Redis do not see each other. */
Test(redis, pops_are_apart, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct store_op get = { .kind = STORE_GET, .name = "m" };
    struct store_op put = { .kind = STORE_PUT, .name = "m", .value = span_str("one") };
    struct rig other;

    rig_init(&other);
    rig_open(&other, (struct store_redis_config){ .path = l->server.sock, .pop = 2 });
    cr_assert(rig_until(&other, rig_up, 5000));
    cr_assert_eq(rig_do(&l->rig, put)->r.err, OK);
    cr_assert_eq(rig_do(&other, get)->r.err, E_NOT_FOUND);
    rig_own(&other, 3, rig_token(1, 1));
    cr_assert_eq(rig_do(&l->rig, rig_commit(3, rig_token(1, 1), 1, 0, "x", 1))->r.err,
                 E_LEASE_LOST);
    rig_done(&other);
    live_done(l);
}

Test(redis, tcp_by_name, .timeout = 30)
{
    struct redis_server server;
    struct rig rig;

    redis_server_start_tcp(&server, NULL);
    rig_init(&rig);
    rig_open(&rig, (struct store_redis_config){ .host = "localhost", .port = server.port });
    /* localhost may be ::1 first; then the second attempt takes the next address. */
    cr_assert(rig_until(&rig, rig_up, 5000), "%s", rig.states[0].reason);
    rig_own(&rig, 8, rig_token(1, 1));
    cr_assert_eq(rig_do(&rig, rig_commit(8, rig_token(1, 1), 1, 0, "x", 1))->r.err, OK);
    rig_done(&rig);
    redis_server_done(&server);
}

Test(redis, database_and_client_name, .timeout = 30)
{
    struct live *l =
        live_up(NULL, (struct store_redis_config){ .db = 5, .client_name = "node-12" });
    char list[4096];

    rig_own(&l->rig, 1, rig_token(1, 1));
    cr_assert_eq(redis_server_ask(&l->server, NULL, NULL, 0, "EXISTS ikestra:{1:1}:row"), 0);
    redis_server_ask(&l->server, NULL, list, sizeof list, "CLIENT LIST");
    cr_assert_not_null(strstr(list, "name=node-12"));
    cr_assert_not_null(strstr(list, " db=5"));
    live_done(l);
}

/* All 4096 rows at once, of which one is garbage. */
Test(redis, rows_of_all_slots, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    static uint16_t slots[LIMIT_SLOTS];
    struct store_op rows = { .kind = STORE_ROWS, .slots = slots, .n_slots = LIMIT_SLOTS };
    const struct rig_result *r;
    struct store_redis_stats st;

    for (unsigned i = 0; i < LIMIT_SLOTS; i++)
        slots[i] = (uint16_t)(LIMIT_SLOTS - 1 - i);
    rig_own(&l->rig, LIMIT_SLOTS - 2, rig_token(4, 4));
    redis_server_ask(&l->server, NULL, NULL, 0, "SET ikestra:{1:4095}:row garbage");
    r = rig_do(&l->rig, rows);
    cr_assert_eq(r->r.err, OK);
    cr_assert_eq(r->r.n_rows, LIMIT_SLOTS);
    cr_assert_eq(r->rows[0].token.epoch, 0);
    cr_assert_eq(r->rows[1].token.epoch, 4);
    store_redis_stats(l->rig.s, &st);
    cr_assert_eq(st.malformed, 1);
    /* The garbage is not overwritten by a claim. */
    r = rig_do(&l->rig,
               (struct store_op){ .kind = STORE_CLAIM, .slot = 4095, .token = rig_token(1, 1) });
    cr_assert_eq(r->r.err, E_STORE_DOWN);
    live_done(l);
}

/* A foreign field or value in a slot's hash does not hide the records. */
Test(redis, foreign_fields_are_left_out, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct token t = rig_token(1, 1);
    struct store_redis_stats st;
    const struct rig_result *r;

    rig_own(&l->rig, 1, t);
    cr_assert_eq(rig_do(&l->rig, rig_commit(1, t, 77, 0, "good", 4))->r.err, OK);
    redis_server_ask(&l->server, NULL, NULL, 0, "HSET ikestra:{1:1}:s short x");
    redis_server_ask(&l->server, NULL, NULL, 0, "HSET ikestra:{1:1}:s 12345678 short");
    redis_server_ask(&l->server, NULL, NULL, 0, "HSET ikestra:{1:1}:s 12345679 %b",
                     "\0\0\0\0\0\0\0\0zero", (size_t)12);
    r = rig_do(&l->rig, (struct store_op){ .kind = STORE_LOAD, .slot = 1 });
    cr_assert_eq(r->r.err, OK);
    cr_assert_eq(r->r.n_entries, 1);
    cr_assert_eq(r->entries[0].id, 77);
    store_redis_stats(l->rig.s, &st);
    cr_assert_eq(st.malformed, 3);
    live_done(l);
}

Test(redis, wrong_type_is_refused_whole, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct token t = rig_token(1, 1);

    rig_own(&l->rig, 1, t);
    redis_server_ask(&l->server, NULL, NULL, 0, "SET ikestra:{1:1}:s string");
    cr_assert_eq(rig_do(&l->rig, rig_commit(1, t, 1, 0, "x", 1))->r.err, E_STORE_DOWN);
    cr_assert_eq(rig_do(&l->rig, (struct store_op){ .kind = STORE_LOAD, .slot = 1 })->r.err,
                 E_STORE_DOWN);
    cr_assert(rig_up(&l->rig));
    live_done(l);
}

Test(redis, impossible_operations, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct token t = rig_token(1, 1);
    struct store_op twice = rig_commit(1, t, 5, 0, "x", 1);
    static uint8_t big[LIMIT_REDIS_COMMAND];

    twice.n_writes = 2;
    twice.writes[1] = twice.writes[0];
    cr_assert_eq(rig_do(&l->rig, twice)->r.err, E_BAD_VALUE);
    cr_assert_eq(rig_do(&l->rig, rig_commit(LIMIT_SLOTS, t, 5, 0, "x", 1))->r.err, E_BAD_VALUE);
    cr_assert_eq(rig_do(&l->rig, rig_commit(1, t, 5, 0, big, sizeof big))->r.err, E_LIMIT);
    cr_assert_eq(
        rig_do(&l->rig, (struct store_op){ .kind = STORE_GET, .name = "Not lower" })->r.err,
        E_BAD_VALUE);
    cr_assert_eq(rig_do(&l->rig, (struct store_op){ .kind = STORE_GET, .name = "" })->r.err,
                 E_BAD_VALUE);
    cr_assert_eq(rig_do(&l->rig, (struct store_op){ .kind = STORE_CLAIM, .slot = 1 })->r.err,
                 E_BAD_VALUE);
    live_done(l);
}

/* ---- pipelining ---- */

enum { BULK_COMMITS = 100000, RECORDS = 500, WINDOW = 2000 };

struct pump {
    struct rig *rig;
    uint64_t version[RECORDS]; /* as the server must have it */
    bool busy[RECORDS];
    unsigned sent, answered, in_flight;
    bool wrong;
};

static void pump_fill(struct pump *p);

static void pump_result(void *ctx, const struct store_result *r)
{
    struct pump *p = ctx;
    unsigned k = (unsigned)r->ticket % RECORDS;

    if (r->err != OK || !p->busy[k])
        p->wrong = true;
    p->busy[k] = false;
    p->version[k]++;
    p->answered++;
    p->in_flight--;
    pump_fill(p);
}

static void pump_fill(struct pump *p)
{
    uint8_t value[600];

    while (p->sent < BULK_COMMITS && p->in_flight < WINDOW) {
        unsigned k = p->sent % RECORDS;
        struct store_op op;

        if (p->busy[k])
            return;
        memset(value, (int)(p->version[k] + 1), sizeof value);
        op = rig_commit((uint16_t)(k % 7), rig_token(1, 1), k, p->version[k], value, sizeof value);
        op.ticket = k;
        p->busy[k] = true;
        p->sent++;
        p->in_flight++;
        p->rig->s->ops->submit(p->rig->s, &op);
    }
}

static bool pump_over(struct rig *rig)
{
    const struct pump *p = rig->s->ctx;

    return p->answered == BULK_COMMITS || p->wrong;
}

Test(redis, hundred_thousand_pipelined, .timeout = 120)
{
    struct live *l = live_up(NULL, plain);
    struct pump *p = calloc(1, sizeof *p);
    struct store_redis_stats st;
    void (*on_result)(void *, const struct store_result *) = l->rig.s->on_result;
    unsigned seen = 0;

    for (uint16_t i = 0; i < 7; i++)
        rig_own(&l->rig, i, rig_token(1, 1));
    p->rig = &l->rig;
    l->rig.s->ctx = p;
    l->rig.s->on_result = pump_result;
    pump_fill(p);
    cr_assert(rig_until(&l->rig, pump_over, 100000));
    cr_assert(!p->wrong);
    store_redis_stats(l->rig.s, &st);
    cr_assert_lt(st.writes, BULK_COMMITS / 10, "%lu writes: nothing was joined",
                 (unsigned long)st.writes);
    cr_assert_eq(st.in_flight, 0);
    l->rig.s->ctx = &l->rig;
    l->rig.s->on_result = on_result;
    for (uint16_t i = 0; i < 7; i++) {
        const struct rig_result *r =
            rig_do(&l->rig, (struct store_op){ .kind = STORE_LOAD, .slot = i });

        cr_assert_eq(r->r.err, OK);
        seen += (unsigned)r->r.n_entries;
        for (size_t k = 0; k < r->r.n_entries && k < 16; k++) {
            const struct store_entry *e = &r->entries[k];

            cr_assert_lt(e->id, RECORDS);
            cr_assert_eq(e->version, p->version[e->id]);
            cr_assert_eq(r->entry_value[k][0], (uint8_t)e->version);
        }
    }
    cr_assert_eq(seen, RECORDS);
    free(p);
    live_done(l);
}

/* More than fits is refused at once and certainly not executed. */
Test(redis, queue_is_bounded, .timeout = 60)
{
    struct live *l = live_up(NULL, (struct store_redis_config){ .op_timeout_ms = 20000 });
    struct token t = rig_token(1, 1);
    static uint8_t value[1024];
    uint64_t total = LIMIT_REDIS_OPS + 500;
    const struct rig_result *r;

    rig_own(&l->rig, 1, t);
    l->rig.count_only = true;
    for (uint64_t i = 0; i < total; i++)
        rig_submit(&l->rig, rig_commit(1, t, i, 0, value, sizeof value));
    for (int i = 0; i < 400 && l->rig.counted[0] + l->rig.counted[3] < total; i++)
        rig_run(&l->rig, 50);
    cr_assert_eq(l->rig.counted[3], 500);
    cr_assert_eq(l->rig.counted[0], LIMIT_REDIS_OPS);
    l->rig.count_only = false;
    r = rig_do(&l->rig, (struct store_op){ .kind = STORE_LOAD, .slot = 1 });
    cr_assert_eq(r->r.n_entries, LIMIT_REDIS_OPS);
    live_done(l);
}

/* ---- free ---- */

static void free_on_result(void *ctx, const struct store_result *r)
{
    struct rig *rig = ctx;

    (void)r;
    cr_assert_not_null(rig->s, "a result after free");
    rig->s->ops->free(rig->s);
    rig->s = NULL;
}

Test(redis, free_within_a_result, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);

    rig_own(&l->rig, 1, rig_token(1, 1));
    l->rig.s->on_result = free_on_result;
    for (int i = 0; i < 20; i++)
        rig_submit(&l->rig, rig_commit(1, rig_token(1, 1), (uint64_t)i, 0, "x", 1));
    rig_run(&l->rig, 100);
    cr_assert_null(l->rig.s);
    live_done(l);
}

static void free_on_state(void *ctx, const struct store_state *st)
{
    struct rig *rig = ctx;

    (void)st;
    cr_assert_not_null(rig->s, "a state after free");
    rig->s->ops->free(rig->s);
    rig->s = NULL;
}

Test(redis, free_within_a_state, .timeout = 30)
{
    struct live *l = calloc(1, sizeof *l);

    redis_server_start(&l->server, NULL);
    rig_init(&l->rig);
    rig_open(&l->rig, (struct store_redis_config){ .path = l->server.sock });
    l->rig.s->on_state = free_on_state;
    rig_run(&l->rig, 200);
    cr_assert_null(l->rig.s);
    live_done(l);
}

Test(redis, free_at_once_and_while_resolving, .timeout = 30)
{
    struct rig rig;

    rig_init(&rig);
    rig_open(&rig, (struct store_redis_config){ .host = "localhost" });
    rig_done(&rig);
    rig_init(&rig);
    rig_open(&rig, (struct store_redis_config){ .host = "localhost" });
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    rig_done(&rig);
}

/* ---- configuration ---- */

Test(redis, configuration_errors, .timeout = 30)
{
    uv_loop_t loop;
    struct env env = { .random = env_os_random };
    struct store *s = NULL;
    char long_path[200];
    const struct store_redis_config bad[] = {
        { .pop = 1 },
        { .pop = 1, .host = "" },
        { .pop = 0, .host = "h" },
        { .pop = 64, .host = "h" },
        { .pop = 1, .host = "h", .db = -1 },
        { .pop = 1, .host = "h", .user = "u" },
        { .pop = 1, .host = "h", .client_name = "a b" },
        { .pop = 1, .host = "h", .op_timeout_ms = 60001 },
        { .pop = 1, .path = long_path },
        { .pop = 1, .path = "" },
    };

    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    uv_loop_init(&loop);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct store_redis_config cfg = bad[i];
        const char *why = NULL;

        cfg.loop = &loop;
        cfg.env = &env;
        cr_assert_eq(store_redis_new(&cfg, &s, &why), E_CONFIG, "case %zu", i);
        cr_assert_not_null(why);
        cr_assert_null(s);
    }
    cr_assert_eq(uv_loop_close(&loop), 0);
}
