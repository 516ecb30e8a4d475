/* create_child: what new Child SAs and their rekeys share. RFC 7296 1.3.1, 1.3.3, 2.8, 2.17. */
#pragma once

#include "node/exchange/exchange.h"
#include "node/sa/proposal.h"

/* Responder: one Child SA from the request's SA, Ni, [KEi], TSi, TSr and the policy; old: the one
 * being rekeyed, or NULL. Answers itself: with the new SA (installed by the outcome) or with a
 * refusal; ret_made->spi_in is 0 then. r.children may have moved afterwards: old is not valid any
 * more. */
struct child_made {
    uint32_t spi_in;
    uint8_t lowest[LIMIT_NONCE_MAX]; /* the lower nonce of the exchange, for a collision */
    size_t n_lowest;
};
MUST_USE enum err child_answer(struct exchange *x, const struct policy_child *pc,
                               const struct child_record *old, struct child_made *ret_made);
/* Requester: SA, Ni, [KEi], TSi, TSr into x->build, and r.request but for its kind. group 0: that
 * of the first suite. */
MUST_USE enum err child_offer(struct exchange *x, const struct policy_child *pc,
                              const struct child_record *old, uint16_t group);
/* No CREATE_CHILD_SA of the peer now: we replace or delete this IKE SA (RFC 7296 2.25.2). */
bool ike_busy(const struct ike_sa *sa);
