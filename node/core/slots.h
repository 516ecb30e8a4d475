/* slots: which slots this node owns, and how ownership comes and goes. Pure.
 *
 * Membership (node/core/members.h) and rendezvous hashing say who should own a slot; the slot's row
 * in the store says who does. This file moves the second towards the first, one compare-and-set at
 * a time, and tells the engine. Nothing here trusts a clock but the dead-man deadline, which only
 * ever closes. INV-OWNER. */
#pragma once

#include "node/core/engine.h"

struct slots;

struct slots_config {
    const struct env *env;
    uint16_t node;
    uint32_t boot;
    uint16_t n_slots;
    uint32_t deadline_ms; /* how long a confirmed ownership may be used (dead-man) */
};

/* Who should own what, from the current membership. Copied. */
struct slots_view {
    const uint16_t *target;  /* per slot: node id, 0 nobody */
    const uint16_t *members; /* node ids in the membership ... */
    const uint32_t *boots;   /* ... and their boot seconds */
    const bool *alive;       /* ... and whether we hear them */
    size_t n_members;
    bool may_claim; /* false: we promised not to (store-away) or are not a member */
};

MUST_USE enum err slots_new(const struct slots_config *cfg, struct engine *engine,
                            struct slots **ret);
struct slots *slots_free(struct slots *s);

void slots_set_view(struct slots *s, struct now now, const struct slots_view *v,
                    struct actions *out);
void slots_store_state(struct slots *s, struct now now, const struct store_state *st,
                       struct actions *out);
/* A result whose ticket slots drew; true when it was one. */
bool slots_store_result(struct slots *s, struct now now, const struct store_result *r,
                        struct actions *out);
/* The store refused one of the engine's commits with E_LEASE_LOST. */
void slots_refused(struct slots *s, struct now now, uint16_t slot, struct actions *out);
/* Another node says it handed these slots to us. */
void slots_handed(struct slots *s, struct now now, const uint16_t *slots, size_t n,
                  struct actions *out);
/* Somebody waits for this slot (a packet is held): claim and load it before others. */
void slots_hurry(struct slots *s, uint16_t slot);
/* The store is away for all: deadlines go on without it. */
void slots_extend_without_store(struct slots *s, struct now now, struct actions *out);
/* We are no longer a member (accused, lease lost): forget every slot at once. */
void slots_drop_all(struct slots *s, struct now now, struct actions *out);

uint64_t slots_next_deadline(const struct slots *s);
void slots_tick(struct slots *s, struct now now, struct actions *out);

enum slot_place { SLOT_READY, SLOT_COMING, SLOT_LEAVING, SLOT_ELSEWHERE };
/* READY: ours, records loaded. COMING: will be ours (claiming, loading, waiting for its owner).
 * LEAVING: ours, being handed over: packets go to its target. ELSEWHERE. */
enum slot_place slots_place(const struct slots *s, uint16_t slot);
uint16_t slots_target(const struct slots *s, uint16_t slot);
/* Bit per slot that we own and serve (slot n: octet n / 8, bit n % 8); 512 octets. */
const uint8_t *slots_owned(const struct slots *s);
unsigned slots_owned_count(const struct slots *s);
/* Slots handed over since the last call, with the node that has them now: for the notice. false:
 * none. */
bool slots_next_handed(struct slots *s, uint16_t *ret_node, uint16_t *ret_slots, size_t cap,
                       size_t *ret_n);
/* A slot that became ready since the last call (held packets can go). false: none. */
bool slots_next_ready(struct slots *s, uint16_t *ret_slot);

struct slots_stats {
    uint64_t claims, claims_lost, takeovers, suspect, handed_over, accepted, lost, vouched,
        deadline_passed;
};
const struct slots_stats *slots_stats(const struct slots *s);
