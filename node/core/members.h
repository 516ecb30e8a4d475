/* members: who is in the cluster. Pure.
 *
 * One versioned membership object per PoP in the store decides (DESIGN "Ownership"); a node leaves
 * it by an expired lease or by accusation, and returns after a hold-down. Heartbeats only say what
 * to ask of the store; slots are assigned from the object and from nothing else.
 *
 * Also registers this node's boot second, which makes SK IVs and tokens unique across restarts. */
#pragma once

#include "node/core/actions.h"
#include "node/core/node.h"
#include "node/core/slots.h"
#include "statesync/record/heartbeat.h"

struct members;

MUST_USE enum err members_new(const struct node_config *cfg, struct members **ret);
struct members *members_free(struct members *m);

void members_store_state(struct members *m, struct now now, const struct store_state *st,
                         struct actions *out);
/* true when the result was of an operation of this file. */
bool members_store_result(struct members *m, struct now now, const struct store_result *r,
                          struct actions *out);
/* boot: of the sender's process. */
void members_heard(struct members *m, struct now now, uint16_t node, uint32_t boot,
                   const struct heartbeat *hb, struct actions *out);
void members_refused(struct members *m, struct now now, uint16_t node, struct actions *out);
uint64_t members_next_deadline(const struct members *m);
void members_tick(struct members *m, struct now now, struct actions *out);
/* Planned departure: first as leaving (slots move away), then, with members_gone, out of the
 * object. */
void members_leave(struct members *m, struct now now, struct actions *out);
void members_gone(struct members *m, struct now now, struct actions *out);

/* Boot second confirmed by the store: only then may the engine start. */
bool members_booted(const struct members *m);
uint32_t members_boot(const struct members *m);
/* In the membership object, as far as we know. */
bool members_in(const struct members *m);
/* We were put out, or another process runs under our node id: every slot must be dropped. Once. */
bool members_take_expelled(struct members *m);
/* The view changed since the last call: recompute. */
bool members_take_changed(struct members *m);
/* Fills v with pointers into m, valid until the next call into m. */
void members_view(struct members *m, struct now now, struct slots_view *v);
/* A heartbeat is due: fill in everything but the owned bitmap and the counter. */
bool members_take_heartbeat(struct members *m, struct now now, struct heartbeat *ret);
/* The store is away for a majority of the configured nodes, us included: deadlines go on. */
bool members_store_away(const struct members *m, struct now now);

/* A living neighbour whose last heartbeat says that it owns the slot; 0: none. */
uint16_t members_owner(const struct members *m, struct now now, uint16_t slot);
bool members_alive(const struct members *m, struct now now, uint16_t node);
/* false: no configured neighbour. */
bool members_address(const struct members *m, uint16_t node, struct endpoint *ret);
size_t members_each(const struct members *m, struct now now, struct node_member_view *ret,
                    size_t cap);
