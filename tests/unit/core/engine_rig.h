/* engine_rig: an engine without sessions, over deterministic randomness. */
#pragma once

#include <criterion/criterion.h>

#include "node/core/engine_state.h"

static inline void rig_random(void *ctx, uint8_t *out, size_t len)
{
    uint64_t *x = ctx;

    for (size_t i = 0; i < len; i++) {
        *x = *x * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(*x >> 56);
    }
}

struct rig {
    uint64_t random;
    struct env env;
    struct policy policy;
    struct policy_conn conn;
    struct keyring *keyring;
    struct engine *engine;
    uint16_t node;
};

static inline void rig_start(struct rig *r, uint16_t node, uint16_t slots)
{
    static const uint8_t key[32] = { 5 };
    struct engine_config cfg = { .pop = 1,
                                 .node = node,
                                 .boot = 1000u + node,
                                 .cluster_key = span_of(key, 32),
                                 .slots = slots };

    r->node = node;
    r->random = node;
    r->env = (struct env){ .ctx = &r->random, .random = rig_random };
    r->policy.conns = &r->conn;
    r->policy.n_conns = 1;
    r->policy.half_open_ms = 30000;
    cr_assert_eq(keyring_new(&r->keyring), OK);
    cr_assert_eq(keyring_add(r->keyring, 1, KEY_ACTIVE, span_of(key, 32)), OK);
    cfg.env = &r->env;
    cfg.policy = &r->policy;
    cfg.keyring = r->keyring;
    cr_assert_eq(engine_new(&cfg, &r->engine), OK);
}

static inline void rig_stop(struct rig *r)
{
    r->engine = engine_free(r->engine);
    r->keyring = keyring_free(r->keyring);
}
