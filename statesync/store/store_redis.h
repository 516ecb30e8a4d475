/* store_redis: the redis backend of store.h, on one connection of one libuv loop.
 *
 * Standalone Redis, 6.2 or later, over TCP or a UNIX socket; no TLS (hiredis 0.14 has none). What
 * is kept under which key: docs/formats/redis-keys.md. Beyond the promises of store.h:
 *   - all operations submitted in one turn of the loop leave in one write;
 *   - an operation that was not yet written when its deadline passed or the connection was lost is
 *     answered E_STORE_DOWN, one that was written E_STORE_UNKNOWN, and its late reply is discarded;
 *   - after on_state(up) nothing that was sent on an earlier connection can still be executed (the
 *     earlier one is killed at the server first), so what is read back then is final. Where the
 *     user may not CLIENT KILL, stats.unfenced counts, and only compare-and-set protects;
 *   - results keep no order between operations of different kinds in flight at the same time. */
#pragma once

#include <uv.h>

#include "statesync/base/env.h"
#include "statesync/store/store.h"

struct store_redis_config {
    const char *host;        /* name or address; not used when path is set */
    uint16_t port;           /* 0: 6379 */
    const char *path;        /* UNIX socket; NULL: TCP */
    const char *user;        /* NULL: the default user */
    struct span password;    /* empty: no AUTH. Copied, wiped at free, never logged */
    int db;                  /* 0 .. */
    uint8_t pop;             /* 1 .. 63, part of every key */
    uint32_t op_timeout_ms;  /* 0: 500. LOAD gets ten times as long */
    const char *client_name; /* NULL, or a name for CLIENT LIST: printable, no spaces */
    struct env *env;         /* jitter, log; borrowed for the life of the store */
    uv_loop_t *loop;         /* borrowed */
};

enum { STORE_REDIS_LATENCY_BUCKETS = 20 };

/* Counters since store_redis_new; for metrics. */
struct store_redis_stats {
    uint64_t ops[STORE_GET + 1];    /* submitted, by enum store_kind */
    uint64_t conflicts;             /* E_CONFLICT, E_LEASE_LOST */
    uint64_t down, unknown;         /* results E_STORE_DOWN, E_STORE_UNKNOWN */
    uint64_t timeouts;              /* deadlines passed (part of down or unknown) */
    uint64_t late;                  /* replies discarded because their deadline had passed */
    uint64_t refused;               /* error replies (OOM, READONLY, NOPERM, ...) */
    uint64_t noscript;              /* operations sent again after NOSCRIPT */
    uint64_t malformed;             /* replies or stored values of a form that is not ours */
    uint64_t connects, disconnects; /* completed connections; lost ones */
    uint64_t incarnations;          /* changes of incarnation seen, the first one not counted */
    uint64_t unfenced;              /* earlier connections that could not be killed */
    uint64_t writes, written;       /* write calls, octets */
    uint64_t in_flight, queued;     /* now */
    uint64_t latency[STORE_REDIS_LATENCY_BUCKETS]; /* [i]: answered in under 64 us << i, last: the
                                                      rest */
    uint64_t latency_sum_us, latency_count;
};

/* Starts to connect; set on_result, on_state and ctx of *ret_s before the loop runs. Everything in
 * cfg but env and loop is copied. E_CONFIG: a value out of range, *ret_why (may be NULL) says which
 * in words; E_NOMEM; E_IO.
 * Sets SIGPIPE to be ignored if nobody has done anything about it.
 * ops->free: pending operations get no answer any more; the loop must run once more to release the
 * handles. May be called from within on_result and on_state. */
MUST_USE enum err store_redis_new(const struct store_redis_config *cfg, struct store **ret_s,
                                  const char **ret_why);

void store_redis_stats(const struct store *s, struct store_redis_stats *ret_stats);
