/* store: what the cluster needs from a shared store, as six operations that complete later.
 *
 * A backend answers each op exactly once through on_result, never before submit returns:
 *   OK; E_CONFLICT (another version or token is there, the current one is in the result);
 *   E_LEASE_LOST (commit: the slot carries another token); E_NOT_FOUND;
 *   E_STORE_DOWN (certainly not executed); E_STORE_UNKNOWN (may have been executed, or may still
 * be). Keys of one slot live together (hash tag {pop:slot}), so a commit is one atomic script.
 * Values are opaque and already sealed. */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/record/token.h"

enum store_kind {
    STORE_COMMIT, /* check the slot's token and every expected version, then write all */
    STORE_LOAD,   /* all records of a slot */
    STORE_CLAIM,  /* compare-and-set of the slot's row */
    STORE_ROWS,   /* read rows */
    STORE_PUT,    /* compare-and-set of a named object of the PoP */
    STORE_GET
};

/* Version afterwards: expect + 1. expect 0: must not exist. remove: the field goes (expired
 * tombstones, half-open sessions); everything else that ends leaves a tombstone value. */
struct store_write {
    uint64_t id;
    uint64_t expect;
    struct span value;
    bool remove;
};

struct store_row {
    struct token token;         /* epoch 0: the row does not exist */
    struct incarnation vouched; /* incarnation under which the owner last vouched */
};

struct store_op {
    enum store_kind kind;
    uint64_t ticket;    /* comes back in the result; chosen by the caller, unique while pending */
    uint16_t slot;      /* COMMIT, LOAD, CLAIM */
    struct token token; /* COMMIT: must equal the row's; CLAIM: the new token */
    struct token expect_token; /* CLAIM: the row's token now (epoch 0: no row) */
    bool vouch; /* CLAIM: also set vouched to the running incarnation. A row that did not exist
                   is always vouched. token == expect_token: only vouch. */
    uint8_t n_writes;
    struct store_write writes[LIMIT_COMMIT_WRITES];
    const uint16_t *slots; /* ROWS; borrowed during submit */
    uint16_t n_slots;
    const char *name;  /* PUT, GET: up to 63 octets of [a-z0-9:._-] */
    uint64_t expect;   /* PUT: version, 0: must not exist */
    struct span value; /* PUT; empty: delete */
    uint32_t ttl_ms;   /* PUT; 0: for ever */
};

struct store_entry {
    uint64_t id;
    uint64_t version;
    struct span value;
};

struct store_result {
    enum store_kind kind;
    uint64_t ticket;
    enum err err;
    uint16_t slot;
    struct store_row row; /* CLAIM: the row as it is now (after OK: with our token) */
    struct store_row
        previous; /* CLAIM, OK: as it was before: previous.vouched != incarnation: suspect */
    struct incarnation incarnation; /* CLAIM: of the shard that answered */
    const struct store_row *rows;   /* ROWS: n_rows as asked */
    uint16_t n_rows;
    const struct store_entry *entries; /* LOAD */
    size_t n_entries;
    uint64_t version;  /* PUT (afterwards, or the one in the way), GET */
    struct span value; /* GET; PUT conflict: the value in the way when the backend has it */
};

/* Connection state. up false: ops fail with E_STORE_DOWN until it is up again. A change of
 * incarnation is always told through here before any result of the new one. */
struct store_state {
    bool up;
    struct incarnation incarnation;
    char reason[128]; /* not up: one line for the log: what, where, what to do */
};

struct store;

struct store_ops {
    /* Borrowed pointers in op need to live only during the call. */
    void (*submit)(struct store *s, const struct store_op *op);
    void (*free)(struct store *s);
};

struct store {
    const struct store_ops *ops;
    void (*on_result)(void *ctx, const struct store_result *r); /* spans live during the call */
    void (*on_state)(void *ctx, const struct store_state *st);
    void *ctx;
};
