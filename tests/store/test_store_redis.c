/* The redis backend against a real redis-server: what only it can do wrong. What all backends share
 * is in store_suite. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/store/redis_server.h"
#include "tests/store/store_rig.h"

struct live {
    struct redis_server server;
    struct rig rig;
};

static struct live *live_open(const char *const *options, struct store_redis_config cfg)
{
    struct live *l = calloc(1, sizeof *l);

    redis_server_start(&l->server, options);
    rig_init(&l->rig);
    if (cfg.host == NULL)
        cfg.path = l->server.sock;
    rig_open(&l->rig, cfg);
    return l;
}

static struct live *live_up(struct store_redis_config cfg)
{
    struct live *l = live_open(NULL, cfg);

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

Test(redis, claim_commit_load, .timeout = 30)
{
    struct live *l = live_up((struct store_redis_config){ .client_name = "node-1" });
    struct token t = rig_token(1, 7);
    const struct rig_result *r;
    struct store_op load = { .kind = STORE_LOAD, .slot = 5 };
    /* An id and a value with every awkward octet. */
    const uint8_t value[] = { 0, '\r', '\n', '$', 0xff, '*', 0, 1 };
    const uint64_t id = 0x000d0a2400ff0102;

    rig_own(&l->rig, 5, t);
    r = rig_do(&l->rig, rig_commit(5, t, id, 0, value, sizeof value));
    cr_assert_eq(r->r.err, OK);
    r = rig_do(&l->rig, load);
    cr_assert_eq(r->r.err, OK);
    cr_assert_eq(r->r.n_entries, 1);
    cr_assert_eq(r->entries[0].id, id);
    cr_assert_eq(r->entries[0].version, 1);
    cr_assert_eq(r->entries[0].value.len, sizeof value);
    cr_assert_arr_eq(r->entry_value[0], value, sizeof value);
    cr_assert(incarnation_known(&l->rig.states[0].incarnation));
    live_done(l);
}
