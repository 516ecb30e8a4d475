/* engine_state: the engine's inside, shared by the files engine_*.c and by nobody else. */
#pragma once

#include "node/core/engine.h"
#include "node/exchange/exchange.h"
#include "node/sa/sa_table.h"
#include "statesync/seal/seal.h"

enum { COMMIT_SESSIONS = 3 };

/* One write on its way to the store, for one session, or more (an IKE rekey: old, new, and the
 * peer's new one after a collision). */
struct commit {
    struct commit *next;
    uint64_t ticket; /* of the operation under way; 0: to be sent again at retry_ms */
    bool reading;    /* the result was unknown: what does the store have? */
    bool withdrawn;  /* the slot is gone: forget the result */
    uint64_t retry_ms;
    uint16_t slot;
    uint8_t n;
    struct ike_sa *sa[COMMIT_SESSIONS];
    uint64_t id[COMMIT_SESSIONS], expect[COMMIT_SESSIONS];
    struct bytes sealed[COMMIT_SESSIONS];
    bool remove[COMMIT_SESSIONS];
    struct actions after; /* released by OK and by nothing else: INV-COMMIT */
};

struct eslot {
    bool open, ready, suspended, suspect, takeover, releasing;
    struct token token;
    struct incarnation incarnation;
    struct ike_sa *head;
    uint16_t next_esp;
    uint64_t load_ticket; /* reload after a refused commit; 0 none */
};

struct engine {
    struct engine_config cfg;
    const struct env *env;
    const struct policy *policy;
    struct secret cookie_key;
    struct sa_table table;
    struct eslot *slots; /* cfg.slots */
    struct commit *commits;
    uint64_t next_ticket;
    uint64_t iv; /* next SK IV: node:12 | 52-bit value. INV-NONCE */
    bool away;
    uint64_t retry_ms; /* earliest commit retry; UINT64_MAX none */
    uint64_t pace_ms;  /* takeover rekeys: next one not before */
    unsigned half_open;
    struct map per_prefix; /* half-open count by source prefix */
    uint8_t *room;         /* EXCHANGE_ROOM: where handlers build */
    uint8_t *plain;        /* LIMIT_MESSAGE: decrypted content */
    uint8_t *wire;         /* LIMIT_MESSAGE: one sealed datagram */
    uint8_t *datagrams;    /* a reply or request: lengths and datagrams */
    struct engine_stats stats;
    struct actions *lease_out; /* of the step under way: a handler may ask for an address lease */
};

enum { DATAGRAMS_MAX = 2 * LIMIT_MESSAGE };

static inline struct eslot *slot_of(struct engine *e, const struct ike_sa *sa)
{
    return &e->slots[sa->slot];
}

/* engine_commit.c */
/* A commit for sa (and up to two more, NULL: none) with nothing in it yet; commit_submit seals. */
struct commit *commit_new(struct engine *e, struct ike_sa *sa, struct ike_sa *second,
                          struct ike_sa *third);
void commit_submit(struct engine *e, struct now now, struct commit *c, struct actions *out);
/* Store what changed outside of an exchange, now or after the commit in flight. */
void commit_dirty(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out);
void commits_tick(struct engine *e, struct now now, struct actions *out);
/* Forget a session without a word to the peer: SAs leave the data plane, memory is freed. */
void session_drop(struct engine *e, struct ike_sa *sa, struct actions *out);

/* engine_send.c */
/* Seals inner content as datagrams (fragments where needed) with fresh IVs into *ret (16-bit
 * lengths). */
MUST_USE enum err seal_content(struct engine *e, const struct ike_sa *sa,
                               const struct ike_header *h, uint8_t first, struct span content,
                               struct bytes *ret);
void send_datagrams(struct engine *e, struct ike_sa *sa, struct span datagrams,
                    struct actions *out);
/* RFC 7296 2.11: an answer goes where its request came from. */
void send_datagrams_to(struct engine *e, const struct endpoint *local,
                       const struct endpoint *remote, struct span datagrams, struct actions *out);
/* A clear message as a list of one. */
MUST_USE enum err one_datagram(struct span message, struct bytes *ret);

/* engine_run.c */
void exchange_init(struct engine *e, struct now now, struct ike_sa *sa, struct exchange *x);
/* Carry out a handler's outcome: commit, and into the commit what follows it. */
void run_outcome(struct engine *e, struct now now, struct exchange *x, struct actions *out);
/* Start the next thing this session wants to do by itself, if it may. */
void run_next_task(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out);
void retransmit(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out);
extern const struct exchange_ops engine_exchange_ops;

/* engine_timers.c */
void reschedule(struct engine *e, struct now now, struct ike_sa *sa);

/* engine_dp.c */
/* ACT_DP_INSTALL for a Child SA whose record says what is reserved; from start. */
void install_child(struct engine *e, struct ike_sa *sa, struct child_record *c, uint64_t start,
                   bool hold_out, struct actions *out);
void remove_child(struct engine *e, struct ike_sa *sa, uint32_t spi_in, struct actions *out);
/* Reservations that had to wait for a commit. */
void extend_waiting(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out);

/* engine_slots.c */
/* Go on with a planned handover after a commit or a data plane answer. */
void release_step(struct engine *e, struct now now, uint16_t slot, struct actions *out);

/* adopt.c */
void adopt_entry(struct engine *e, struct now now, uint16_t slot, const struct store_entry *entry,
                 struct actions *out);

/* admission.c */
enum admit { ADMIT_YES, ADMIT_COOKIE, ADMIT_NO };
enum admit admission_check(struct engine *e, struct now now, const struct endpoint *remote,
                           uint64_t spi_i, const struct payload_list *clear);
/* Enters or leaves the half-open counts; leaving twice counts once. */
void admission_enter(struct engine *e, struct ike_sa *sa);
void admission_leave(struct engine *e, struct ike_sa *sa);

/* pool.c */
enum err pool_take(void *host, struct ike_sa *sa, const struct policy_pool *pool,
                   struct ip_addr *ret, bool *ret_leased);
