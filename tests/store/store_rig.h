/* store_rig: drives one store on one loop in a test: remembers every result and state. */
#pragma once

#include "statesync/store/store_redis.h"

enum { RIG_VALUE = 256, RIG_STATES = 64 };

/* A copy of a result; of arrays and values only the beginning. */
struct rig_result {
    struct store_result r; /* pointers are not valid */
    uint8_t value[RIG_VALUE];
    size_t value_len;
    struct store_row rows[8];
    struct store_entry entries[16]; /* value.p not valid */
    uint8_t entry_value[16][RIG_VALUE];
    unsigned state_at; /* how many states had been told before */
};

struct rig {
    uv_loop_t loop;
    struct env env;
    struct store *s;
    struct rig_result *results;
    size_t n_results, cap_results;
    struct store_state states[RIG_STATES];
    unsigned n_states;
    uint64_t next_ticket;
    bool in_submit;      /* a result in here is a failure */
    bool count_only;     /* do not keep results */
    uint64_t counted[5]; /* by outcome: ok, conflict, lost lease, down, unknown; others: abort */
};

/* loop, env; no store yet. */
void rig_init(struct rig *rig);
/* cfg: everything but loop and env, which the rig sets. Aborts when refused. */
void rig_open(struct rig *rig, struct store_redis_config cfg);
/* Frees store and loop; aborts when a handle is left. */
void rig_done(struct rig *rig);

/* Submits with a new ticket, which is returned. */
uint64_t rig_submit(struct rig *rig, struct store_op op);

/* Runs the loop until it holds, at most ms; what held at the end. */
bool rig_until(struct rig *rig, bool (*holds)(struct rig *rig), unsigned ms);
bool rig_up(struct rig *rig);
bool rig_down(struct rig *rig);
/* Runs the loop for ms. */
void rig_run(struct rig *rig, unsigned ms);
/* Waits (5 s) for the result of a ticket; NULL: none came. */
const struct rig_result *rig_wait(struct rig *rig, uint64_t ticket);
/* rig_submit and rig_wait; aborts without a result. */
const struct rig_result *rig_do(struct rig *rig, struct store_op op);

struct token rig_token(uint32_t epoch, uint16_t node);
/* Claims the slot from whoever has it; aborts when refused. */
void rig_own(struct rig *rig, uint16_t slot, struct token token);
struct store_op rig_commit(uint16_t slot, struct token token, uint64_t id, uint64_t expect,
                           const void *value, size_t len);
