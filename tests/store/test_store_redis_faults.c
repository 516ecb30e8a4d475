/* The redis backend while its server is stopped, killed, restarted, demoted, full, forgetful,
 * locked or not there: what is certain is told as certain, what is not as unknown. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/store/redis_server.h"
#include "tests/store/store_rig.h"

struct live {
    struct redis_server server;
    struct rig rig;
};

static const struct store_redis_config plain = { .op_timeout_ms = 300 };
static const struct token T = { .epoch = 1, .node = 1, .boot = 1 };

static struct live *live_start(const char *const *options, struct store_redis_config cfg)
{
    struct live *l = calloc(1, sizeof *l);

    redis_server_start(&l->server, options);
    rig_init(&l->rig);
    cfg.path = l->server.sock;
    rig_open(&l->rig, cfg);
    return l;
}

static struct live *live_up(const char *const *options, struct store_redis_config cfg)
{
    struct live *l = live_start(options, cfg);

    cr_assert(rig_until(&l->rig, rig_up, 5000), "not up: %s", l->rig.states[0].reason);
    return l;
}

static void live_done(struct live *l)
{
    rig_done(&l->rig);
    redis_server_done(&l->server);
    free(l);
}

static struct store_redis_stats stats(struct live *l)
{
    struct store_redis_stats st;

    store_redis_stats(l->rig.s, &st);
    return st;
}

static const struct store_state *last(struct live *l)
{
    return &l->rig.states[l->rig.n_states - 1];
}

static bool reason_has(struct live *l, const char *word)
{
    return strstr(last(l)->reason, word) != NULL;
}

static void own(struct live *l)
{
    rig_own(&l->rig, 1, T);
}

static struct store_op commit(uint64_t id, uint64_t expect)
{
    return rig_commit(1, T, id, expect, "value", 5);
}

static const struct rig_result *load(struct live *l)
{
    return rig_do(&l->rig, (struct store_op){ .kind = STORE_LOAD, .slot = 1 });
}

static void sleep_ms(unsigned ms)
{
    struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* ---- scripts ---- */

Test(faults, scripts_flushed, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    uint64_t tickets[50];

    own(l);
    redis_server_ask(&l->server, NULL, NULL, 0, "SCRIPT FLUSH");
    for (unsigned i = 0; i < 50; i++)
        tickets[i] = rig_submit(&l->rig, commit(i, 0));
    for (unsigned i = 0; i < 50; i++)
        cr_assert_eq(rig_wait(&l->rig, tickets[i])->r.err, OK);
    cr_assert_eq(stats(l).noscript, 50);
    cr_assert_eq(rig_do(&l->rig, commit(0, 1))->r.err, OK);
    cr_assert_eq(stats(l).noscript, 50);
    redis_server_ask(&l->server, NULL, NULL, 0, "SCRIPT FLUSH");
    cr_assert_eq(
        rig_do(&l->rig,
               (struct store_op){
                   .kind = STORE_CLAIM, .slot = 1, .token = T, .expect_token = T, .vouch = true })
            ->r.err,
        OK);
    cr_assert_eq(
        rig_do(&l->rig, (struct store_op){ .kind = STORE_PUT, .name = "a", .value = span_str("x") })
            ->r.err,
        OK);
    cr_assert_eq(stats(l).noscript, 52);
    live_done(l);
}

/* ---- incarnations ---- */

static bool up_again(struct rig *rig)
{
    return rig->n_states >= 3 && rig_up(rig);
}

Test(faults, restart_is_a_new_incarnation, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct incarnation first = l->rig.states[0].incarnation;
    const struct rig_result *r;

    own(l);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    redis_server_restart(&l->server);
    cr_assert(rig_until(&l->rig, up_again, 5000));
    cr_assert(!incarnation_eq(&first, &last(l)->incarnation));
    cr_assert_eq(stats(l).incarnations, 1);
    cr_assert_eq(stats(l).disconnects, 1);
    /* Everything is gone, the slot's row with it. */
    cr_assert_eq(rig_do(&l->rig, commit(1, 1))->r.err, E_LEASE_LOST);
    r = rig_do(&l->rig, (struct store_op){ .kind = STORE_CLAIM, .slot = 1, .token = T });
    cr_assert_eq(r->r.err, OK);
    cr_assert(incarnation_eq(&r->r.incarnation, &last(l)->incarnation));
    live_done(l);
}

Test(faults, lost_connection_is_the_same_incarnation, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);

    own(l);
    cr_assert_eq(redis_server_ask(&l->server, NULL, NULL, 0, "CLIENT KILL TYPE normal"), 1);
    cr_assert(rig_until(&l->rig, up_again, 5000));
    cr_assert(incarnation_eq(&l->rig.states[0].incarnation, &last(l)->incarnation));
    cr_assert_eq(stats(l).incarnations, 0);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    live_done(l);
}

static const char *const debug_allowed[] = { "--enable-debug-command", "yes", NULL };

/* The replication id changes under a living connection: the claim sees it, and its result comes
 * after the news. */
Test(faults, claim_tells_the_incarnation_it_met, .timeout = 30)
{
    struct live *l = live_up(debug_allowed, plain);
    struct incarnation first = l->rig.states[0].incarnation;
    const struct rig_result *r;
    struct store_op claim = {
        .kind = STORE_CLAIM, .slot = 1, .token = rig_token(2, 2), .expect_token = T
    };

    own(l);
    redis_server_ask(&l->server, NULL, NULL, 0, "DEBUG CHANGE-REPL-ID");
    r = rig_do(&l->rig, claim);
    cr_assert_eq(r->r.err, OK);
    cr_assert(!incarnation_eq(&r->r.incarnation, &first));
    cr_assert(incarnation_eq(&r->r.incarnation, &l->rig.states[r->state_at - 1].incarnation));
    cr_assert_eq(r->state_at, 2);
    /* Not vouched: the row keeps the incarnation under which its earlier owner vouched. */
    cr_assert(incarnation_eq(&r->r.previous.vouched, &first));
    cr_assert(incarnation_eq(&r->r.row.vouched, &first));
    claim.expect_token = claim.token;
    claim.vouch = true;
    r = rig_do(&l->rig, claim);
    cr_assert_eq(r->r.err, OK);
    cr_assert(incarnation_eq(&r->r.row.vouched, &last(l)->incarnation));
    cr_assert(incarnation_eq(&r->r.previous.vouched, &first));
    live_done(l);
}

static bool two_states(struct rig *rig)
{
    return rig->n_states >= 2;
}

Test(faults, idle_connection_notices_the_incarnation, .timeout = 30)
{
    struct live *l = live_up(debug_allowed, plain);

    redis_server_ask(&l->server, NULL, NULL, 0, "DEBUG CHANGE-REPL-ID");
    cr_assert(rig_until(&l->rig, two_states, 3000));
    cr_assert(last(l)->up);
    cr_assert(!incarnation_eq(&l->rig.states[0].incarnation, &last(l)->incarnation));
    live_done(l);
}

Test(faults, demoted_primary, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    struct incarnation first = l->rig.states[0].incarnation;

    own(l);
    redis_server_ask(&l->server, NULL, NULL, 0, "REPLICAOF 127.0.0.1 1");
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, E_STORE_DOWN);
    cr_assert(rig_until(&l->rig, rig_down, 1000));
    cr_assert(reason_has(l, "replica"), "%s", last(l)->reason);
    rig_run(&l->rig, 300);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, E_STORE_DOWN);
    redis_server_ask(&l->server, NULL, NULL, 0, "REPLICAOF NO ONE");
    cr_assert(rig_until(&l->rig, up_again, 5000));
    cr_assert(!incarnation_eq(&first, &last(l)->incarnation));
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    live_done(l);
}

/* ---- silence ---- */

Test(faults, late_reply_is_discarded, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    const struct rig_result *r;
    uint64_t ticket;

    own(l);
    redis_server_signal(&l->server, SIGSTOP);
    ticket = rig_submit(&l->rig, commit(1, 0));
    r = rig_wait(&l->rig, ticket);
    cr_assert_eq(r->r.err, E_STORE_UNKNOWN);
    cr_assert(rig_until(&l->rig, rig_down, 1000));
    cr_assert(reason_has(l, "does not answer"), "%s", last(l)->reason);
    /* Nothing more is sent into the silence. */
    cr_assert_eq(rig_do(&l->rig, commit(2, 0))->r.err, E_STORE_DOWN);
    redis_server_signal(&l->server, SIGCONT);
    cr_assert(rig_until(&l->rig, up_again, 5000));
    cr_assert_eq(stats(l).late, 1);
    cr_assert_eq(stats(l).disconnects, 0, "the connection could stay");
    /* It was executed, which is what unknown means; the rig would have died of a second result. */
    r = load(l);
    cr_assert_eq(r->r.n_entries, 1);
    cr_assert_eq(r->entries[0].id, 1);
    live_done(l);
}

/* Silent for so long that the connection is given up. Once up again, nothing changes any more. */
Test(faults, given_up_connection_is_fenced, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    size_t n;

    own(l);
    redis_server_signal(&l->server, SIGSTOP);
    for (uint64_t i = 0; i < 20; i++)
        rig_submit(&l->rig, commit(i, 0));
    rig_run(&l->rig, 2500);
    cr_assert_eq(stats(l).disconnects, 1);
    cr_assert_eq(stats(l).unknown, 20);
    redis_server_signal(&l->server, SIGCONT);
    cr_assert(rig_until(&l->rig, rig_up, 8000));
    cr_assert_eq(stats(l).unfenced, 0);
    n = load(l)->r.n_entries;
    rig_run(&l->rig, 300);
    cr_assert_eq(load(l)->r.n_entries, n);
    live_done(l);
}

/* More than the socket takes: what stayed here is down, what left is unknown, and only the latter
 * may be found afterwards. */
Test(faults, written_is_unknown_queued_is_down, .timeout = 60)
{
    struct live *l = live_up(NULL, plain);
    enum { N = 3000 };
    static uint8_t value[1024];
    static bool unknown[N];
    static uint64_t tickets[N];
    unsigned down = 0, unknowns = 0;
    const struct rig_result *r;

    own(l);
    redis_server_signal(&l->server, SIGSTOP);
    for (uint64_t i = 0; i < N; i++)
        tickets[i] = rig_submit(&l->rig, rig_commit(1, T, i, 0, value, sizeof value));
    for (uint64_t i = 0; i < N; i++) {
        r = rig_wait(&l->rig, tickets[i]);
        cr_assert_not_null(r);
        unknown[i] = r->r.err == E_STORE_UNKNOWN;
        unknowns += unknown[i];
        down += r->r.err == E_STORE_DOWN;
    }
    cr_assert_eq(down + unknowns, N);
    cr_assert_gt(down, 0);
    cr_assert_gt(unknowns, 0);
    redis_server_signal(&l->server, SIGCONT);
    cr_assert(rig_until(&l->rig, rig_up, 8000));
    for (uint64_t i = 0; i < N; i += 7) {
        r = rig_do(&l->rig, commit(i, 0));
        cr_assert(r->r.err == OK || (r->r.err == E_CONFLICT && unknown[i]),
                  "%lu was said not to be executed, and was", (unsigned long)i);
    }
    live_done(l);
}

/* Killed after the write and before the reply. */
Test(faults, killed_between_write_and_reply, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    uint64_t written, queued;

    own(l);
    redis_server_signal(&l->server, SIGSTOP);
    written = rig_submit(&l->rig, commit(1, 0));
    rig_run(&l->rig, 50);
    redis_server_kill(&l->server);
    queued = rig_submit(&l->rig, commit(2, 0));
    cr_assert_eq(rig_wait(&l->rig, written)->r.err, E_STORE_UNKNOWN);
    cr_assert(rig_until(&l->rig, rig_down, 1000));
    cr_assert_neq(rig_wait(&l->rig, queued)->r.err, OK);
    cr_assert_eq(rig_do(&l->rig, commit(3, 0))->r.err, E_STORE_DOWN);
    live_done(l);
}

/* The process itself stood still while the reply lay in its socket: not late. */
Test(faults, own_standstill_is_not_a_timeout, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);
    uint64_t ticket;

    own(l);
    ticket = rig_submit(&l->rig, commit(1, 0));
    uv_run(&l->rig.loop, UV_RUN_NOWAIT);
    sleep_ms(900);
    cr_assert_eq(rig_wait(&l->rig, ticket)->r.err, OK);
    cr_assert_eq(stats(l).timeouts, 0);
    cr_assert_eq(l->rig.n_states, 1);
    live_done(l);
}

/* ---- refusals ---- */

Test(faults, full, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);

    own(l);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    redis_server_ask(&l->server, NULL, NULL, 0, "CONFIG SET maxmemory 1");
    cr_assert_eq(rig_do(&l->rig, commit(1, 1))->r.err, E_STORE_DOWN);
    cr_assert_eq(load(l)->entries[0].version, 1);
    cr_assert(rig_up(&l->rig));
    redis_server_ask(&l->server, NULL, NULL, 0, "CONFIG SET maxmemory 0");
    cr_assert_eq(rig_do(&l->rig, commit(1, 1))->r.err, OK);
    cr_assert_eq(stats(l).refused, 1);
    live_done(l);
}

Test(faults, too_few_replicas, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);

    own(l);
    redis_server_ask(&l->server, NULL, NULL, 0, "CONFIG SET min-replicas-to-write 1");
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, E_STORE_DOWN);
    redis_server_ask(&l->server, NULL, NULL, 0, "CONFIG SET min-replicas-to-write 0");
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    live_done(l);
}

Test(faults, eviction_policy_is_a_warning, .timeout = 30)
{
    static const char *const options[] = { "--maxmemory-policy", "allkeys-lru", NULL };
    struct live *l = live_up(options, plain);

    cr_assert(last(l)->up);
    cr_assert(reason_has(l, "noeviction") && reason_has(l, "allkeys-lru"), "%s", last(l)->reason);
    live_done(l);
}

/* ---- who we are ---- */

static const char *const with_password[] = { "--requirepass", "s3cret-0f-redis", NULL };

static void refused_with(const char *const *options, struct store_redis_config cfg,
                         const char *word)
{
    struct live *l = live_start(options, cfg);

    cr_assert(rig_until(&l->rig, rig_down, 3000));
    cr_assert(reason_has(l, word), "%s", last(l)->reason);
    cr_assert(reason_has(l, "redis unix:/tmp/"), "%s", last(l)->reason);
    cr_assert(!reason_has(l, "s3cret") && !reason_has(l, "wr0ng"), "%s", last(l)->reason);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, E_STORE_DOWN);
    /* The same reason is told once, however often it is tried. */
    rig_run(&l->rig, 400);
    cr_assert_eq(l->rig.n_states, 1);
    live_done(l);
}

Test(faults, password_wrong, .timeout = 30)
{
    refused_with(with_password, (struct store_redis_config){ .password = span_str("wr0ng") },
                 "refuses user or password");
}

Test(faults, password_missing, .timeout = 30)
{
    refused_with(with_password, (struct store_redis_config){ .pop = 1 },
                 "set store.redis.password_file");
}

Test(faults, password_not_wanted, .timeout = 30)
{
    refused_with(NULL, (struct store_redis_config){ .password = span_str("s3cret") },
                 "takes no password");
}

Test(faults, user_unknown, .timeout = 30)
{
    refused_with(with_password,
                 (struct store_redis_config){ .user = "nobody", .password = span_str("wr0ng") },
                 "refuses user or password");
}

Test(faults, database_missing, .timeout = 30)
{
    refused_with(NULL, (struct store_redis_config){ .db = 99 }, "no database");
}

Test(faults, password_right, .timeout = 30)
{
    struct live *l = live_up(
        with_password, (struct store_redis_config){ .password = span_str("s3cret-0f-redis") });

    own(l);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    live_done(l);
}

/* The rights that deploy/redis gives are enough for everything, fencing included. */
Test(faults, deployed_acl_suffices, .timeout = 30)
{
    static const char *const options[] = { "--aclfile", TEST_SOURCE_DIR "/deploy/redis/ikestra.acl",
                                           NULL };
    struct store_redis_config cfg = { .user = "ikestra",
                                      .password = span_str("change-this-password"),
                                      .client_name = "n1",
                                      .op_timeout_ms = 300 };
    struct live *l = live_up(options, cfg);
    uint16_t slots[] = { 1 };

    own(l);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    cr_assert_eq(rig_do(&l->rig, commit(1, 1))->r.err, OK);
    cr_assert_eq(load(l)->r.n_entries, 1);
    {
        struct store_op gone = rig_commit(1, T, 1, 2, NULL, 0);
        struct store_op put = {
            .kind = STORE_PUT, .name = "a", .value = span_str("x"), .ttl_ms = 5000
        };

        gone.writes[0].remove = true;
        cr_assert_eq(rig_do(&l->rig, gone)->r.err, OK);
        cr_assert_eq(rig_do(&l->rig, put)->r.err, OK);
        put.expect = 1;
        put.value = SPAN_NONE;
        cr_assert_eq(rig_do(&l->rig, put)->r.err, OK);
    }
    cr_assert_eq(rig_do(&l->rig, (struct store_op){ .kind = STORE_GET, .name = "a" })->r.err,
                 E_NOT_FOUND);
    cr_assert_eq(
        rig_do(&l->rig, (struct store_op){ .kind = STORE_ROWS, .slots = slots, .n_slots = 1 })
            ->r.err,
        OK);
    /* Given up while silent: the next connection must be able to kill this one. */
    redis_server_signal(&l->server, SIGSTOP);
    rig_submit(&l->rig, commit(2, 0));
    rig_run(&l->rig, 1500);
    cr_assert_eq(stats(l).disconnects, 1);
    redis_server_signal(&l->server, SIGCONT);
    cr_assert(rig_until(&l->rig, rig_up, 8000));
    cr_assert_eq(stats(l).unfenced, 0);
    cr_assert_eq(stats(l).refused, 0);
    live_done(l);
}

Test(faults, missing_rights_are_named, .timeout = 30)
{
    struct live *l = live_up(NULL, plain);

    own(l);
    redis_server_ask(&l->server, NULL, NULL, 0, "ACL SETUSER default -hset");
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, E_STORE_DOWN);
    redis_server_ask(&l->server, NULL, NULL, 0, "ACL SETUSER default +hset -evalsha");
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, E_STORE_DOWN);
    cr_assert_eq(stats(l).refused, 2);
    redis_server_ask(&l->server, NULL, NULL, 0, "ACL SETUSER default +evalsha");
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, OK);
    live_done(l);
}

/* Without the right to CLIENT ID or CLIENT KILL it works, and says that it cannot fence. */
Test(faults, fencing_denied_is_counted, .timeout = 30)
{
    for (int i = 0; i < 2; i++) {
        struct live *l = calloc(1, sizeof *l);

        redis_server_start(&l->server, NULL);
        redis_server_ask(&l->server, NULL, NULL, 0,
                         i == 0 ? "ACL SETUSER default -client|kill"
                                : "ACL SETUSER default -client|id");
        rig_init(&l->rig);
        rig_open(&l->rig,
                 (struct store_redis_config){ .path = l->server.sock, .op_timeout_ms = 200 });
        cr_assert(rig_until(&l->rig, rig_up, 5000));
        redis_server_signal(&l->server, SIGSTOP);
        rig_submit(&l->rig, commit(1, 0));
        rig_run(&l->rig, 1000);
        redis_server_signal(&l->server, SIGCONT);
        cr_assert(rig_until(&l->rig, rig_up, 8000));
        cr_assert_eq(stats(l).unfenced, 1);
        live_done(l);
    }
}

/* ---- not there ---- */

Test(faults, away_at_start, .timeout = 30)
{
    struct live *l = calloc(1, sizeof *l);

    redis_server_start(&l->server, NULL);
    redis_server_kill(&l->server);
    rig_init(&l->rig);
    rig_open(&l->rig, (struct store_redis_config){ .path = l->server.sock });
    cr_assert(rig_until(&l->rig, rig_down, 2000));
    cr_assert(reason_has(l, "cannot be reached") && reason_has(l, "start it"), "%s",
              last(l)->reason);
    cr_assert_eq(rig_do(&l->rig, commit(1, 0))->r.err, E_STORE_DOWN);
    redis_server_restart(&l->server);
    cr_assert(rig_until(&l->rig, rig_up, 5000));
    live_done(l);
}

Test(faults, name_that_does_not_exist, .timeout = 60)
{
    struct live *l = calloc(1, sizeof *l);

    rig_init(&l->rig);
    rig_open(&l->rig, (struct store_redis_config){ .host = "no-such-host.invalid" });
    cr_assert(rig_until(&l->rig, rig_down, 30000));
    cr_assert(reason_has(l, "no-such-host.invalid:6379"), "%s", last(l)->reason);
    rig_done(&l->rig);
    free(l);
}
