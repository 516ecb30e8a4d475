/* create_child: what new Child SAs and their rekeys share. RFC 7296 1.3.1, 1.3.3, 2.8, 2.17. */
#pragma once

#include "node/exchange/exchange.h"
#include "node/sa/proposal.h"

/* Responder: one Child SA from the request's SA, Ni, [KEi], TSi, TSr and the policy; old: the one
 * being rekeyed, or NULL. Answers itself: with the new SA (installed by the outcome) or with a
 * refusal; *ret_made is 0 then, else the new inbound SPI. */
MUST_USE enum err child_answer(struct exchange *x, const struct policy_child *pc,
                               const struct child_record *old, uint32_t *ret_made);
/* Requester: SA, Ni, [KEi], TSi, TSr into x->build, and r.request but for its kind. group 0: that
 * of the first suite. */
MUST_USE enum err child_offer(struct exchange *x, const struct policy_child *pc,
                              const struct child_record *old, uint16_t group);
/* The lower of two nonces, as octet strings (RFC 7296 2.8). */
struct span nonce_lower(struct span a, struct span b);
int nonce_cmp(struct span a, struct span b);
/* No CREATE_CHILD_SA of the peer now: we replace or delete this IKE SA (RFC 7296 2.25.2). */
bool ike_busy(const struct ike_sa *sa);
