/* rendezvous: which member should own which slot (highest random weight). The same on every node
 * with the same membership object, and a member that comes or goes moves only its own slots. Pure.
 */
#pragma once

#include "statesync/record/membership_record.h"

/* Node id with the highest weight among the members that are not leaving, 0: there is none.
 * ret_second may be NULL: the next in order (0: none). */
uint16_t rendezvous_owner(const struct membership *m, uint16_t slot, uint16_t *ret_second);

/* All m->slots slots at once; ret_second may be NULL. */
void rendezvous_table(const struct membership *m, uint16_t *ret_first, uint16_t *ret_second);

/* The weight itself; fixed for ever (tests/vectors/rendezvous.txt). */
uint64_t rendezvous_weight(uint16_t slot, uint16_t node);
