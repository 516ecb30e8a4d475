/* rekey_ike: what a Delete of an IKE SA that is being replaced needs to know. */
#pragma once

#include "node/exchange/exchange.h"

/* Child SAs with their runtime halves, and inner addresses. to has none. */
void rekey_ike_move_children(struct ike_sa *from, struct ike_sa *to);

/* by is from now on the one that goes on. */
void rekey_ike_link(struct ike_sa *old, struct ike_sa *by);

/* After simultaneous rekeys: the live session that the peer's exchange made, or NULL. E_TEMPORARY:
 * it is being stored or loaded now; the message that asks comes again. */
MUST_USE enum err rekey_ike_rival(const struct exchange *x, struct ike_sa **ret);
