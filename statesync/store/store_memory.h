/* store_memory: the store interface in one process, deterministic. No clock, no thread, no I/O.
 *
 * Two uses. Embedded (a single node without Redis): operations queue in the handle and are executed
 * and answered by store_memory_poll. Simulated: a scheduler takes each operation and decides when
 * it is executed, and when, whether and how it is answered. What is in it is gone with its process.
 */
#pragma once

#include "statesync/store/store.h"

struct memstore;
struct memop;

/* E_NOMEM. first: the incarnation, new for each life of the process (random octets). */
MUST_USE enum err memstore_new(const struct incarnation *first, struct memstore **ret);
/* After all handles and operations of it are freed. */
struct memstore *memstore_free(struct memstore *m);

/* A node's connection; freed with its ops->free, also while operations are under way (their answers
 * then go nowhere). Set on_result, on_state, ctx before the first poll or answer. NULL: no memory.
 */
struct store *memstore_connect(struct memstore *m, uint16_t node);

/* Planted breaks of the store's own side (IKESTRA_PLANTED_BREAKS builds only, otherwise no effect).
 */
struct memstore_breaks {
    bool ignore_token;      /* commit whatever the row's token */
    bool claim_without_cas; /* claim whatever the row's token */
};
void memstore_set_breaks(struct memstore *m, const struct memstore_breaks *b);

/* ---- embedded ---- */

/* Called by submit, so that the loop polls soon. Never calls back from within. */
void store_memory_set_wake(struct store *s, void (*wake)(void *ctx), void *ctx);
/* Tells the state if it changed, then executes and answers what was queued when it was called;
 * now_ms: a clock that never goes back, for TTLs. Returns how many were answered; operations
 * submitted meanwhile wait for the next poll. */
size_t store_memory_poll(struct store *s, uint64_t now_ms);
bool store_memory_pending(const struct store *s);

/* ---- simulated ---- */

/* Every submit gives its operation to schedule, which must not answer from within. NULL: embedded.
 */
void memstore_set_schedule(struct memstore *m, void (*schedule)(void *ctx, struct memop *op),
                           void *ctx);

/* At most once: checks and changes the data as of now, remembers the answer. While the store is
 * down, nothing happens and the answer is E_STORE_DOWN. */
void memop_execute(struct memop *op, uint64_t now_ms);
/* Exactly one of these answers the node (a second call does nothing). reply: the executed op's
 * answer; where the node was told of another incarnation since, its connection is gone and it gets
 * E_STORE_UNKNOWN; a newer incarnation than it knows is told first. lose: E_STORE_UNKNOWN, executed
 * or not, now or later. fail: E_STORE_DOWN; only if it never was and never will be executed
 * (asserted). */
void memop_reply(struct memop *op);
void memop_lose(struct memop *op);
void memop_fail(struct memop *op);
/* Every op ends here, answered or not. */
void memop_free(struct memop *op);

uint16_t memop_node(const struct memop *op);
const struct store_op *memop_request(const struct memop *op); /* pointers in it live with op */
bool memop_executed(const struct memop *op);
bool memop_answered(const struct memop *op);
/* Outcome of the execution, before anybody was told. */
enum err memop_outcome(const struct memop *op);

/* Tells one handle the state of the store as it is now, if that is news to it. */
void memstore_tell(struct store *s);

/* ---- faults ---- */

/* Down: every operation executed meanwhile ends as E_STORE_DOWN; tell the handles. */
void memstore_set_down(struct memstore *m, bool down);
/* The data as it is now. NULL: no memory. */
struct memstore *memstore_snapshot(const struct memstore *m);
/* A failover to a replica that is behind: data becomes that of the snapshot (which stays the
 * caller's), the incarnation becomes next. */
MUST_USE enum err memstore_rollback(struct memstore *m, const struct memstore *snapshot,
                                    const struct incarnation *next);
/* A failover that loses nothing. */
void memstore_failover(struct memstore *m, const struct incarnation *next);
/* A restart without persistence. */
void memstore_wipe(struct memstore *m, const struct incarnation *next);
/* The handle talks to another memstore from its next operation on: a snapshot given an incarnation
 * of its own is a stale primary. */
void memstore_move(struct store *s, struct memstore *to);

/* ---- looking in, for checkers ---- */

struct incarnation memstore_incarnation(const struct memstore *m);
struct store_row memstore_row(const struct memstore *m, uint16_t slot);
/* false: not there. value lives until the next change. */
bool memstore_record(const struct memstore *m, uint16_t slot, uint64_t id, struct store_entry *ret);
bool memstore_named(const struct memstore *m, const char *name, uint64_t now_ms,
                    uint64_t *ret_version, struct span *ret_value);
/* Every record of a slot; order is that of creation. Stops when fn returns false. */
void memstore_each(const struct memstore *m, uint16_t slot,
                   bool (*fn)(void *ctx, const struct store_entry *e), void *ctx);
