/* membership: changes of the membership object, on values. Who decides a change, and when, is
 * node/core; that two nodes do not both change it is the store's compare-and-set. Pure. */
#pragma once

#include "statesync/record/membership_record.h"

/* Name of the object in the store (STORE_PUT). */
#define MEMBERSHIP_NAME "membership"

/* NULL: not a member / not in the list of those put out. */
const struct member *membership_find(const struct membership *m, uint16_t node);
const struct member_out *membership_find_out(const struct membership *m, uint16_t node);

/* In, or there with a newer boot second or another address: the entry is replaced, leaving cleared.
 * slots: the joiner's configuration. E_NOT_ALLOWED: its hold-down has not passed, or a newer boot
 * second of this node is or was a member; E_CONFIG: another number of slots; E_LIMIT; E_BAD_VALUE.
 */
MUST_USE enum err membership_join(struct membership *m, const struct member *who, uint16_t slots,
                                  uint64_t wall_ms);
/* The process (node, boot) goes, by itself (holddown_ms 0) or put out by others. E_NOT_FOUND: not
 * there, or there with another boot second (it restarted: then nothing is to be done). */
MUST_USE enum err membership_remove(struct membership *m, uint16_t node, uint32_t boot,
                                    uint64_t wall_ms, uint32_t holddown_ms);
/* E_NOT_FOUND as above. */
MUST_USE enum err membership_leaving(struct membership *m, uint16_t node, uint32_t boot);

/* How many accusers put a node out: two, or one where only two members are left (or one, itself not
 * counted). accusers: distinct members other than the accused. */
bool membership_condemned(const struct membership *m, uint16_t accused, unsigned accusers);
/* How many nodes are a majority of the configured ones. */
static inline unsigned membership_majority(unsigned configured)
{
    return configured / 2 + 1;
}
