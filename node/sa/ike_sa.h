/* ike_sa: one session in memory: the replicated record and what lives only in this process.
 *
 * Owner: the engine's table (node/sa/sa_table.h). r is what is stored, or asked to be stored while
 * commit is not NULL; everything else may be lost with the process without harm. */
#pragma once

#include "node/sa/frag.h"
#include "node/sa/policy.h"
#include "statesync/base/env.h"
#include "statesync/lease/seq_reserve.h"
#include "statesync/record/session_record.h"

struct commit;

/* Runtime half of a Child SA, beside r.children[] by SPI. */
struct child_run {
    uint32_t spi_in;
    bool installed; /* at the data plane, or being installed */
    bool removing;  /* ACT_DP_REMOVE is out */
    bool want_rekey, want_delete, want_reserve;
    bool rekeyed_by_us;                /* our rekey of it is done: we delete it */
    uint64_t base_bytes, base_packets; /* used before this install */
    uint64_t rekey_after_ms;           /* mono: not before (pacing, back-off after a refusal) */
    uint16_t dh_group;                 /* the peer wants this group (INVALID_KE_PAYLOAD); 0: ours */
    uint8_t dh_tries;
    struct seq_rate rate;
};

/* A request waiting while a commit is in flight. */
struct parked {
    struct endpoint local, remote;
    struct bytes packet;
};

struct ike_sa {
    struct session_record r;
    uint16_t slot;
    struct ike_sa *slot_next, **slot_prev;
    size_t heap_at; /* position + 1 in the deadline heap; 0: not in it */
    uint64_t due_ms;
    uint64_t init_key; /* entry in the table of first messages; 0: none. Kept: remote changes */

    struct commit *commit; /* in flight; packets wait */
    bool dirty;            /* r changed since the last commit was built */
    bool window_dirty;     /* only counters and windows changed: checkpoint, not urgent */
    bool gone;             /* leaves memory when the commit is through */
    bool failed;           /* AUTH failed: nothing but the same refusal comes out */
    bool releasing;
    bool want_rekey, want_delete, want_dpd;
    bool taken_over;
    uint64_t half_open_key; /* counted by admission under this prefix; 0: not */

    uint64_t last_in_ms;     /* mono: last authenticated IKE or ESP from the peer */
    uint64_t last_out_ms;    /* mono: last IKE we sent (NAT keepalive) */
    uint64_t request_due_ms; /* mono: next retransmission of r.request; 0 none in flight */
    uint8_t request_tries;
    uint64_t window_due_ms;  /* mono: checkpoint */
    uint64_t rekey_after_ms; /* mono: not before */
    uint16_t dh_group;       /* as in struct child_run, for the IKE SA */
    uint8_t dh_tries;
    uint64_t event_id; /* control request to answer when up or failed */

    struct frag *frag; /* while fragments are being joined */
    struct parked parked[LIMIT_PARKED];
    uint8_t n_parked;
    struct child_run *runs;
    uint8_t n_runs;

    struct ip_addr lease_vip; /* a lease that the store confirmed for this session's IKE_AUTH */
    uint64_t lease_ticket;
};

/* NULL: no memory. */
struct ike_sa *ike_sa_new(void);
/* Wipes. Takes NULL; returns NULL. The caller has taken it out of every table. */
struct ike_sa *ike_sa_free(struct ike_sa *sa);

/* The only place that changes r.state; asserts that the change is legal and logs it. */
void ike_sa_set_state(struct ike_sa *sa, enum session_state to, const struct env *env);
const char *session_state_name(unsigned state);

/* NULL: not there. */
struct child_record *ike_sa_child(struct ike_sa *sa, uint32_t spi_in);
struct child_record *ike_sa_child_out(struct ike_sa *sa, uint32_t spi_out);
/* Runtime half, made on demand; NULL: no memory or no such child. */
struct child_run *ike_sa_run(struct ike_sa *sa, uint32_t spi_in);
void ike_sa_forget_run(struct ike_sa *sa, uint32_t spi_in);

/* This node's side of the session. */
static inline bool ike_sa_is_initiator(const struct ike_sa *sa)
{
    return sa->r.role == ROLE_INITIATOR;
}
static inline bool ike_sa_usable(const struct ike_sa *sa)
{
    return sa->r.state == SS_ESTABLISHED || sa->r.state == SS_REKEYED || sa->r.state == SS_DELETING;
}
struct ike_suite ike_sa_suite(const struct session_record *r);
