/* node: one cluster node without its sockets. Pure composition of
 *
 *   members  who is in the cluster (heartbeats, accusation, membership object, leases)
 *   slots    which slots are ours (claims, handovers, verification, vouching)
 *   engine   IKEv2 for the sessions of those slots
 *   hold     packets waiting for a slot that is coming
 *
 * and the decision where each packet goes: to the engine or data plane here, to the node that owns
 * its slot (once), into hold, or away. The daemon's runtime and the simulator drive exactly this.
 */
#pragma once

#include "node/core/engine.h"

struct node;

struct node_neighbour {
    uint16_t node; /* 1..4095, configured */
    char name[LIMIT_NAME];
    struct endpoint cluster_addr; /* where its cluster datagrams are received */
};

struct node_config {
    const struct env *env;
    const struct policy *policy;
    struct keyring *keyring;
    uint8_t pop;
    uint16_t node;
    char name[LIMIT_NAME];
    uint32_t boot;                /* proposed boot second; raised above what the store knows */
    struct span cluster_key;      /* 32 octets */
    uint16_t slots;               /* power of two up to 4096; the same on every node */
    struct endpoint cluster_addr; /* ours; family 0: single node, no cluster */
    const struct node_neighbour *neighbours; /* the other configured nodes; copied */
    size_t n_neighbours;
    uint32_t heartbeat_ms;  /* 50 */
    uint8_t suspect_missed; /* 3 */
    uint32_t deadline_ms;   /* 3000 */
    uint32_t lease_ms;      /* 5000 */
    uint32_t holddown_ms;   /* 1000: before an expelled node asks to be let in again */
};

MUST_USE enum err node_new(const struct node_config *cfg, struct node **ret);
struct node *node_free(struct node *n);

/* Once, before anything else: starts with whatever the store's state is. */
void node_start(struct node *n, struct now now, struct actions *out);

void node_packet(struct node *n, struct now now, const struct endpoint *local,
                 const struct endpoint *remote, struct span ike, struct actions *out);
/* A datagram on the cluster address. */
void node_cluster_packet(struct node *n, struct now now, const struct endpoint *from,
                         struct span datagram, struct actions *out);
/* The operating system says nobody listens at this neighbour's cluster address (ICMP). A hint only.
 */
void node_neighbour_refused(struct node *n, struct now now, const struct endpoint *addr,
                            struct actions *out);
void node_store_state(struct node *n, struct now now, const struct store_state *st,
                      struct actions *out);
void node_store_result(struct node *n, struct now now, const struct store_result *r,
                       struct actions *out);
void node_dp_event(struct node *n, struct now now, const struct dp_event *ev, struct actions *out);
uint64_t node_next_deadline(const struct node *n);
void node_tick(struct node *n, struct now now, struct actions *out);

/* Hand all slots over, leave the membership; EV_DRAINED (event_id) when done. With no other living
 * member the slots stay claimed in the store and EV_DRAINED comes at once. */
void node_drain(struct node *n, struct now now, uint64_t event_id, struct actions *out);

/* Serving: engine running, store known, and at least one slot ready or a member with none due. */
bool node_ready(const struct node *n);
bool node_drained(const struct node *n);

/* NULL until the boot second is confirmed by the store. */
struct engine *node_engine(struct node *n);
uint32_t node_boot(const struct node *n);
void node_set_policy(struct node *n, const struct policy *policy);

struct node_stats {
    uint64_t forwarded_ike, forwarded_esp, forwarded_inner, from_others, held, hold_expired,
        dropped_no_owner, dropped_twice, cluster_refused;
};
const struct node_stats *node_stats(const struct node *n);

/* For status: one line per configured node. */
struct node_member_view {
    uint16_t node;
    const char *name;
    bool self, member, alive, leaving;
    uint32_t boot;
    uint64_t last_heard_ms; /* mono */
    unsigned owned;         /* slots it says it owns */
};
size_t node_members(const struct node *n, struct now now, struct node_member_view *ret, size_t cap);
unsigned node_owned(const struct node *n);
/* The node that owns a slot as far as this node knows; 0: unknown. */
uint16_t node_slot_owner(const struct node *n, struct now now, uint16_t slot);
struct slots_stats;
const struct slots_stats *node_slots_stats(const struct node *n);
