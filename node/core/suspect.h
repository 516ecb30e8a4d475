/* suspect: the careful start of a session whose stored state may be behind (owner and store lost at
 * once). DESIGN, "A claim of a slot that is not vouched". */
#pragma once

#include "node/core/engine_state.h"

/* Marks the session: inbound dropped until rekeyed, no outbound under keys of another incarnation,
 * and our first request is an empty INFORMATIONAL. */
void suspect_begin(struct engine *e, struct now now, struct ike_sa *sa);
