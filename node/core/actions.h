/* actions: what the pure core wants done, in order. The shell runs them after each step.
 *
 * The list owns the bytes in it until actions_reset. Reuse one list per loop: its arena keeps its
 * size. */
#pragma once

#include "node/dataplane/dataplane.h"
#include "statesync/base/addr.h"
#include "statesync/store/store.h"

enum action_kind {
    ACT_SEND,       /* an IKE datagram; encap: put the non-ESP marker in front (port 4500) */
    ACT_STORE,      /* a store operation; every pointer in it points into the list */
    ACT_DP_INSTALL, /* child (keys inside are wiped by actions_reset) */
    ACT_DP_EXTEND,
    ACT_DP_MOVE,
    ACT_DP_REMOVE,
    ACT_DP_QUERY,
    ACT_DP_DEADLINE,
    ACT_DP_INPUT_ESP,   /* a packet that was held or forwarded: as if received; data from the SPI on
                         */
    ACT_DP_INPUT_INNER, /* an inner packet that was held or forwarded */
    ACT_PEER_SEND,      /* a sealed cluster datagram to another node's cluster address */
    ACT_VIP_ROUTE,      /* this node has begun (on) or ceased to own an inner prefix */
    ACT_EVENT           /* something an operator waits for (control socket): see struct act_event */
};

enum act_event_kind { EV_IKE_UP, EV_IKE_DOWN, EV_CHILD_UP, EV_CHILD_DOWN, EV_FAILED, EV_DRAINED };

struct action {
    enum action_kind kind;
    struct endpoint local, remote; /* SEND, DP_MOVE, DP_INPUT_ESP; PEER_SEND: remote */
    bool encap;                    /* SEND, DP_MOVE */
    bool forwarded;                /* DP_INPUT_*: came from another node */
    struct span data;
    struct store_op op;
    struct dp_child *child;
    uint32_t spi_in;
    uint64_t seq_end;
    uint16_t slot;
    uint64_t deadline_ms;
    struct ip_prefix prefix;
    bool on;
    enum act_event_kind event;
    uint64_t event_id;  /* the control request this answers, or 0 */
    uint64_t event_spi; /* own IKE SPI */
    enum err err;
};

struct actions {
    struct action *v;
    size_t n, cap;
    struct act_chunk *chunks; /* arena */
};

/* A zeroed action at the end. Aborts only when memory is out. Pointers into v move at the next add.
 */
struct action *actions_add(struct actions *a, enum action_kind kind);
/* len octets that live until actions_reset. */
uint8_t *actions_room(struct actions *a, size_t len);
/* A copy that lives until actions_reset. */
struct span actions_copy(struct actions *a, struct span s);
/* Empties the list for the next step, wiping arena memory that held keys; keeps the memory. */
void actions_reset(struct actions *a);
void actions_free(struct actions *a);
/* Moves everything of from to the end of to; from is empty then. */
void actions_splice(struct actions *to, struct actions *from);
