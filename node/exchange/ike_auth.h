/* ike_auth: the initiator's beginning of IKE_AUTH, as the second half of taking an IKE_SA_INIT
 * answer. */
#pragma once

#include "node/exchange/exchange.h"

/* r has keys (ike_sa_init_response returned with an accepted suite). Fills content and r.request;
 * state becomes AUTH_SENT. E_CONFIG: the connection is gone or has no child. */
MUST_USE enum err ike_auth_begin(struct exchange *x);
