/* engine: IKEv2 for the sessions of the slots that this node owns. Pure: bytes, completions and
 * time in, actions out. Knows nothing of membership, claims or other nodes: node/core/node.c opens
 * and closes slots and gives it only packets that belong to slots it has open.
 *
 * Order of events for a slot: engine_slot_open -> engine_slot_records (all records, once) ->
 * packets, until engine_slot_close (lost) or engine_slot_release (planned, answered by
 * engine_slot_released()). Packets for an open slot whose records are not there yet are the
 * caller's to hold. */
#pragma once

#include "node/core/actions.h"
#include "node/sa/policy.h"
#include "statesync/base/env.h"
#include "statesync/seal/keyring.h"

struct engine;

/* Both clocks of a step. mono: never goes back, for timers. wall: for lifetimes, crosses nodes. */
struct now {
    uint64_t mono_ms;
    uint64_t wall_ms;
};

struct engine_config {
    const struct env *env;       /* outlives the engine */
    const struct policy *policy; /* outlives the engine */
    struct keyring *keyring;     /* seals records; outlives the engine */
    uint8_t pop;                 /* 1..63 */
    uint16_t node;               /* 1..4095 */
    uint32_t boot;               /* boot second: SK IVs start at boot x 2^20 (DESIGN) */
    struct span cluster_key;     /* 32 octets: cookie secrets derive from it; copied */
    uint16_t slots;              /* slots in use, a power of two up to 4096 */
};

MUST_USE enum err engine_new(const struct engine_config *cfg, struct engine **ret);
struct engine *engine_free(struct engine *e);

/* New policy after a reload; running sessions keep what they have negotiated. */
void engine_set_policy(struct engine *e, const struct policy *policy);

/* An IKE datagram (without non-ESP marker) for a slot that is open, or a first IKE_SA_INIT. */
void engine_packet(struct engine *e, struct now now, const struct endpoint *local,
                   const struct endpoint *remote, struct span packet, struct actions *out);

/* Which slot a datagram belongs to, without touching state: by our own SPI in the header (RFC
 * 7296 3.1; the Initiator flag tells which of the two is ours). first_init: a first IKE_SA_INIT,
 * belongs to whoever receives it. E_*: not IKE at all. */
struct ike_route {
    bool first_init;
    uint64_t own_spi;
    uint16_t slot;
    uint8_t pop;
};
MUST_USE enum err engine_route(struct span packet, struct ike_route *ret);

/* Completion of an ACT_STORE whose ticket this engine drew (top bit clear). */
void engine_store_result(struct engine *e, struct now now, const struct store_result *r,
                         struct actions *out);
void engine_dp_event(struct engine *e, struct now now, const struct dp_event *ev,
                     struct actions *out);

/* Timers: call at or after engine_next_deadline (mono ms; UINT64_MAX: none). */
uint64_t engine_next_deadline(const struct engine *e);
void engine_tick(struct engine *e, struct now now, struct actions *out);

/* Slots. */
struct slot_open {
    uint16_t slot;
    struct token token;
    struct incarnation incarnation; /* the one the claim ran on */
    bool suspect;                   /* row was not vouched for by its owner: sessions are suspect */
    bool takeover;                  /* somebody else owned it before */
};
/* On a slot that is already open (after a re-claim): only token and incarnation change. */
void engine_slot_open(struct engine *e, struct now now, const struct slot_open *so);
/* All records of the slot as loaded. Those that do not open or decode are logged, counted and left
 * alone. */
void engine_slot_records(struct engine *e, struct now now, uint16_t slot,
                         const struct store_entry *entries, size_t n, struct actions *out);
/* Ownership is gone: forget the slot's sessions, remove their SAs, send and store nothing. */
void engine_slot_close(struct engine *e, struct now now, uint16_t slot, struct actions *out);
/* Planned handover: stop the slot's sessions, take the exact counters (DPE_REMOVED), store them.
 * While this runs the slot takes no packets. */
void engine_slot_release(struct engine *e, struct now now, uint16_t slot, struct actions *out);
/* Slots whose release is complete (everything confirmed in the store), one per call; false: none
 * now. */
bool engine_slot_released(struct engine *e, uint16_t *ret_slot);
/* May new sessions be started in / is it ready for packets. */
bool engine_slot_ready(const struct engine *e, uint16_t slot);

/* The store may have changed its incarnation: until engine_slot_reconcile the slot's sessions start
 * no commit (packets that need one are dropped, peers retransmit), and E_LEASE_LOST, E_CONFLICT,
 * E_STORE_UNKNOWN or E_STORE_DOWN of commits in flight is not acted on: memory is the truth that
 * reconcile writes back. */
void engine_slot_suspend(struct engine *e, uint16_t slot);

/* The store changed its incarnation while we own slots: compare and write back per slot. The caller
 * has re-read (or re-claimed) the row and loaded what the store has now. done when
 * engine_slot_vouchable says so: every record of the slot is in the store at our version. */
void engine_slot_reconcile(struct engine *e, struct now now, uint16_t slot,
                           const struct incarnation *incarnation, const struct store_entry *entries,
                           size_t n, struct actions *out);
bool engine_slot_vouchable(const struct engine *e, uint16_t slot);

/* Store away for all: answer only what needs no commit; TEMPORARY_FAILURE or silence for the rest.
 */
void engine_store_away(struct engine *e, bool away);

/* Control. Each answers with ACT_EVENT carrying id. */
void engine_initiate(struct engine *e, struct now now, const char *conn, uint64_t id,
                     struct actions *out);
enum terminate_kind { TERMINATE_IKE, TERMINATE_CHILD };
/* own_spi 0: every session of conn. child_spi_in 0 with TERMINATE_CHILD: every child. */
void engine_terminate(struct engine *e, struct now now, enum terminate_kind kind, const char *conn,
                      uint64_t own_spi, uint32_t child_spi_in, uint64_t id, struct actions *out);
/* child_spi_in 0: rekey the IKE SA. */
void engine_rekey(struct engine *e, struct now now, uint64_t own_spi, uint32_t child_spi_in,
                  uint64_t id, struct actions *out);

/* Read-only view for status, metrics and the simulator's checkers. Stops when fn returns false. */
struct session_record;
void engine_each_session(const struct engine *e,
                         bool (*fn)(void *ctx, const struct session_record *r), void *ctx);
/* The session that an inner address belongs to in the slots open here; 0: none. */
uint64_t engine_session_of_inner(const struct engine *e, const struct ip_addr *inner);

/* This SPI belongs to a Child SA of a session here that is not installed yet (a commit is under
 * way), or is being installed: a packet for it is worth holding. */
bool engine_expects_spi(const struct engine *e, uint32_t spi_in);

/* Slot of an inner address: sub-pools cut the pools by slot, so it follows from policy alone.
 * false: not an address of any pool. */
bool engine_slot_of_inner(const struct engine *e, const struct ip_addr *inner, uint16_t *ret_slot);

struct engine_stats {
    uint64_t packets_in, packets_out, dropped[0x500]; /* by enum err */
    uint64_t commits, commit_conflicts, commit_unknown, retransmits_answered, retransmits_sent;
    uint64_t cookies_sent, half_open, established, sessions, children;
    uint64_t ike_up, ike_down, auth_failed, rekeys_ike, rekeys_child, takeovers, suspects, dpd_sent;
    uint64_t reservations, records_refused;
};
const struct engine_stats *engine_stats(const struct engine *e);
