/* auth_payloads: IDi/IDr, CERT, CERTREQ and AUTH of IKE_AUTH, made and checked. RFC
 * 7296 2.15, 3.5-3.8; RFC 7427. Both roles; knows no Child SA. */
#pragma once

#include "node/exchange/exchange.h"

/* Our identity for this connection: configured, else the certificate's subject, else our address.
 */
MUST_USE enum err auth_local_id(const struct policy_conn *c, const struct endpoint *local,
                                struct pl_id *ret, struct ip_addr *room);
/* pattern: policy; any when its type is 0. */
bool auth_id_matches(const struct policy_id *pattern, const struct pl_id *id);

/* Adds ID (type PL_IDI or PL_IDR), our CERTs where we authenticate with one, and AUTH. */
MUST_USE enum err auth_add(struct exchange *x, struct msg *m, const struct policy_conn *c,
                           uint8_t id_type, const struct pl_id *id);

/* The peer's identity and AUTH in x->inner: E_AUTH_FAILED whatever is wrong; why is for the log. */
MUST_USE enum err auth_check(struct exchange *x, const struct policy_conn *c,
                             const struct payload *id, const char **ret_why);
