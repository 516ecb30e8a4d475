/* pair: two engines and everything around them, with every message in the test's hand.
 *
 * Each side is the shipped engine over a memory store and dp_record. What it sends lands in a queue
 * to the other side; nothing moves until the test delivers, drops, doubles or holds it. Store
 * operations are executed and answered at once, unless the test takes them over (hold_store). Time
 * stands still unless the test advances it. All randomness comes from one seed.
 *
 * Watched in every test: a message with the same SPIs, exchange, direction, message ID (and
 * fragment number) always has the same octets (INV-MID), whichever engine sent it; no SK IV is used
 * twice by one key (INV-NONCE); ESP that is sent is received under the same key. */
#pragma once

#include <criterion/criterion.h>

#include "node/core/engine.h"
#include "node/dataplane/dp_record.h"
#include "node/wire/ike_numbers.h"
#include "statesync/record/session_record.h"
#include "statesync/store/store_memory.h"

enum { QUEUE_MAX = 256, SENT_MAX = 4096, STORE_HELD = 32, PAIR_SLOT = 0 };
enum dir { A_TO_B, B_TO_A }; /* a: first initiator, b: first responder */

struct carried {
    struct endpoint from, to; /* as the receiver sees them: its remote and local */
    struct bytes data;
};

struct queue {
    struct carried v[QUEUE_MAX];
    size_t n;
};

struct side {
    struct pair *pair;
    char name;
    uint64_t random;
    struct env env;
    struct policy policy;
    struct keyring *keyring;
    struct memstore *memory;
    struct store *store;
    struct engine *engine;
    struct dataplane *dp;
    struct actions acts;
    struct dp_event *events;
    size_t n_events, cap_events;
    uint8_t pop;
    uint16_t node, slots;
    uint32_t boot;
    struct token token;
    struct incarnation incarnation;
    bool running;
    bool hold_store; /* operations wait in held until the test answers them */
    struct memop *held[STORE_HELD];
    size_t n_held;
    struct memop *late;
    struct memop *setup; /* own operation of the harness */
    enum err setup_err;
    /* seen */
    unsigned ups, downs, child_ups, child_downs, failed, sent, installs;
    enum err last_err;
};

struct sent {
    uint8_t id[32]; /* what must not vary */
    uint8_t iv[8];
    uint64_t hash;
};

struct pair {
    struct side a, b;
    struct queue q[2];
    uint64_t now_ms;
    struct endpoint nat; /* where a's ESP seems to come from; family 0: no NAT */
    struct sent *sent;
    size_t n_sent;
};

/* Policies and identities are there and may be changed before pair_start. PSK, AES-GCM, x25519,
 * 10.2.0.0/16 at a and 10.1.0.0/16 at b. */
void pair_init(struct pair *p, uint64_t seed);
void pair_start(struct pair *p);
void pair_done(struct pair *p);

static inline struct policy_conn *conn(struct side *s)
{
    return &s->policy.conns[0];
}
/* Takes the identity of name.test from a fresh CA that both sides trust: certificates instead of
 * PSK. */
void pair_use_certs(struct pair *p);
/* b gives addresses out of these pools (NULL: none); a asks for them. */
void pair_use_cp(struct pair *p, const char *pool4, const char *pool6);
void set_ids(struct policy_id *id, const char *name);
struct endpoint ep(const char *text);
struct ts ts_net(const char *prefix);

/* ---- messages ---- */

/* The n-th waiting message (0: oldest) arrives; it leaves the queue. */
void deliver(struct pair *p, enum dir d, size_t n);
/* It arrives and stays where it is. */
void deliver_copy(struct pair *p, enum dir d, size_t n);
void drop(struct pair *p, enum dir d, size_t n);
/* Everything, both ways, until nobody says anything. */
void settle(struct pair *p);
size_t waiting(const struct pair *p, enum dir d);
struct span peek(const struct pair *p, enum dir d, size_t n);
uint8_t msg_exchange(struct span m);
uint32_t msg_id(struct span m);
bool msg_response(struct span m);
/* Octets arrive at a side as if the other had sent them. */
void inject(struct pair *p, enum dir d, struct span octets);

/* ---- time ---- */

/* Timers fire; what they send waits. */
void advance(struct pair *p, uint64_t ms);
/* Timers fire, everything is delivered. */
void run_for(struct pair *p, uint64_t ms);

/* ---- what sides do ---- */

void initiate(struct side *s);
void pair_established(struct pair *p, uint64_t seed); /* init, start, initiate, settle, checked */
void side_delete(struct side *s);                     /* the IKE SA */
void side_delete_child(struct side *s);               /* every Child SA */
void side_rekey_child(struct side *s);                /* the newest Child SA */
void side_rekey_ike(struct side *s);

/* ---- what sides have ---- */

/* The newest session in this state; NULL: none. Valid until the engine's next step. */
const struct session_record *session(struct side *s, enum session_state state);
unsigned sessions(struct side *s, enum session_state state);
/* Sessions that are not tombstones. */
unsigned live(struct side *s);
/* Child SAs of the established session in this state. */
unsigned children(struct side *s, enum child_state state);
const struct child_record *child(struct side *s); /* newest that is installed; NULL */
/* One ESP packet of the newest child, and whether the other side takes it. */
enum err esp(struct pair *p, enum dir d, uint64_t *ret_seq);
/* As a rule: both sides agree on one session, one child, and ESP passes both ways. */
void check_up(struct pair *p);
/* Nothing left but tombstones, nothing installed. */
void check_gone(struct pair *p);
size_t installed(struct side *s);

/* ---- store and nodes ---- */

/* Answers held operations in order: executes and replies. */
void store_go(struct side *s);
/* What becomes of the oldest held operation. */
enum fate {
    FATE_OK,
    FATE_DOWN,          /* certainly not executed */
    FATE_LOST,          /* executed, the answer is lost */
    FATE_LOST_UNDONE,   /* the request is lost */
    FATE_LOST_AND_LATE, /* as LOST_UNDONE, but it is executed when land_late is called */
    FATE_SILENT         /* executed; no word ever (its node dies) */
};
void store_fate(struct side *s, enum fate fate);
void land_late(struct side *s);
/* Stop holding; answer everything. */
void store_release(struct side *s);
/* The engine's node dies: engine and data plane are gone; another node takes the slot over from
 * what is stored. */
void fail_over(struct side *s);
/* The same after the store changed its incarnation, too: the slot was not vouched for, so its
 * sessions are suspect. */
void fail_over_suspect(struct side *s);
/* Planned: the slot is released, then taken by another node. */
void hand_over(struct side *s);
/* The slot's row names another node from now on; the engine does not know. */
void lose_slot(struct side *s);
/* The store was rolled back to this snapshot, in a new incarnation; the side compares and writes
 * back. */
void roll_back(struct side *s, const struct memstore *snapshot);
/* The stored record of the only session: for checks of what is stored. false: none. */
bool stored(struct side *s, struct store_entry *ret);
unsigned stored_count(struct side *s);
