/* seq_reserve: blocks of outbound ESP sequence numbers, stored before use. Pure. INV-SEQ,
 * INV-NONCE.
 *
 * A block is sized so that what is left of it always covers the configured store outage at the
 * recent peak rate: twice that, because it is extended at half. Floor 2^16; cap 2^28 with ESN, 2^24
 * without; budget per key: 16 blocks of cap size (2^32 and 2^28 numbers), past it the key is
 * replaced. A key is used beyond its stored reservation only within the incarnation that stored it
 * (DESIGN, "The store"). */
#pragma once

#include "statesync/base/env.h"
#include "statesync/record/session_record.h"

enum { SEQ_OUTAGE_S = 600 }; /* default outage to survive */

/* Recent peak rate of one SA. Zero at start. */
struct seq_rate {
    uint64_t last_ms, last_used;
    uint64_t peak_pps;
};
/* used: highest number emitted so far. mono_ms: any clock that never goes back. The peak of the
 * last minutes: it halves about every 10 minutes without that rate. */
void seq_rate_sample(struct seq_rate *r, uint64_t used, uint64_t mono_ms);

/* Size of the next block for a rate (0: not known). */
uint64_t seq_block(bool esn, uint64_t peak_pps, uint32_t outage_s);

enum seq_what {
    SEQ_KEEP,   /* enough is left */
    SEQ_EXTEND, /* store reserved_end = end, blocks, reserved_in; then use it */
    SEQ_REKEY,  /* no further number beyond the present block: replace the key */
    SEQ_DELETE  /* no number left at all and none to be had: delete, with the cause */
};

struct seq_plan {
    enum seq_what what;
    bool rekey; /* start a rekey as well (EXTEND near the end of the budget; always with REKEY) */
    uint64_t start;  /* seq_takeover: first number that this node may emit */
    uint64_t end;    /* reservation's new end, exclusive (EXTEND); the present one otherwise */
    uint16_t blocks; /* for the record */
};

/* A new key: what the commit that creates it reserves. Numbers begin at 1. */
struct seq_plan seq_first(bool esn);

/* The owner, within its own install. used: highest number emitted (seq_next - 1 if none). force:
 * extend even if enough is left (after DPE_RESERVE the backend has decided). now_in: the running
 * incarnation. */
struct seq_plan seq_extend(const struct env *env, const struct child_record *c, uint64_t used,
                           uint64_t peak_pps, uint32_t outage_s, const struct incarnation *now_in,
                           bool force);

/* A new owner, or a re-install on the same node. Begins at the end of the stored reservation, or,
 * where the counters are exact (planned handover), at seq_next. EXTEND: store first. REKEY: install
 * without sending (hold_out) and rekey first: other incarnation, budget used up, or the jump from
 * the last number known to be used would reach 2^31 (RFC 4303 A2.2: ESN inference). */
struct seq_plan seq_takeover(const struct env *env, const struct child_record *c, uint64_t peak_pps,
                             uint32_t outage_s, const struct incarnation *now_in);

/* Writes an EXTEND into the record that is about to be committed: end, blocks, incarnation, exact
 * off. Leaves seq_next: that is what is known to be used, and a new owner's start is not known to
 * be (the 2^31 rule counts from there). Other plans change nothing. */
void seq_apply(struct child_record *c, const struct seq_plan *p, const struct incarnation *now_in);
/* used is known to have been emitted. Never goes back. */
void seq_note_used(struct child_record *c, uint64_t used);
