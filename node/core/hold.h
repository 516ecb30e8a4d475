/* hold: packets that wait while their slot is on its way to this node. Pure, bounded per slot and
 * in all.
 *
 * A packet is held in the few milliseconds between a neighbour's death (or a handover) and the
 * moment this node has the slot's records; then it goes on as if it had just come. Oldest out
 * first. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/limits.h"

enum held_kind { HELD_IKE, HELD_ESP, HELD_INNER };

struct held {
    enum held_kind kind;
    bool forwarded; /* came from another node: never forwarded again */
    bool encap;     /* came in UDP 4500 */
    uint16_t slot;
    uint32_t spi; /* HELD_ESP */
    uint64_t since_ms;
    struct endpoint local, remote;
    struct bytes packet;
};

struct hold;

struct hold *hold_new(void); /* NULL: no memory */
struct hold *hold_free(struct hold *h);

/* Copies packet. A full slot loses its oldest; a full hold refuses with E_LIMIT. */
MUST_USE enum err hold_add(struct hold *h, const struct held *meta, struct span packet);

/* Takes out the oldest packet of the slot (kind_mask: bit per enum held_kind); the caller frees
 * ret->packet. false: none. */
bool hold_take(struct hold *h, uint16_t slot, unsigned kind_mask, struct held *ret);

/* Drops what is older than max_ms; returns how many. */
unsigned hold_expire(struct hold *h, uint64_t now_ms, uint64_t max_ms);
size_t hold_count(const struct hold *h);
bool hold_has(const struct hold *h, uint16_t slot);
