/* config_payload: CP in IKE_AUTH: inner addresses and DNS. RFC 7296 2.19, 3.15. */
#pragma once

#include "node/exchange/exchange.h"

/* Responder: addresses for what the CP request asks for, into vips. E_NO_ADDRESS:
 * INTERNAL_ADDRESS_FAILURE; E_TEMPORARY: a lease is on its way. Nothing asked: n 0. */
struct given {
    struct ip_addr vips[LIMIT_VIPS];
    bool leased[LIMIT_VIPS];
    uint8_t n;
    bool asked;
};
MUST_USE enum err config_give(struct exchange *x, const struct policy_conn *c, struct given *ret);
/* Responder: the CP reply. */
void config_add_reply(struct msg *m, const struct policy_conn *c, const struct given *g);
/* Initiator: the CP request. */
void config_add_request(struct msg *m, const struct policy_conn *c);
/* Initiator: what the CP reply gave. */
MUST_USE enum err config_take(struct exchange *x, struct given *ret);
