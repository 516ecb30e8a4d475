/* rekey_ike: what a Delete of an IKE SA that is being replaced needs to know. */
#pragma once

#include "node/sa/ike_sa.h"

/* Child SAs with their runtime halves, and inner addresses. to has none. */
void rekey_ike_move_children(struct ike_sa *from, struct ike_sa *to);
