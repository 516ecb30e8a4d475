/* rekey_child: CREATE_CHILD_SA with N(REKEY_SA): the peer's request, and the beginning of ours (the
 * answer to ours is create_child.c's). RFC 7296 1.3.3, 2.8, 2.8.1, 2.25.1. */
#include "node/exchange/create_child.h"

#include "node/exchange/collision.h"

enum { GIVE_UP_MS = 60000 };

static enum err not_found(struct exchange *x, uint32_t spi)
{
    msg_add_notify_esp(exchange_build(x), N_CHILD_SA_NOT_FOUND, spi, SPAN_NONE);
    return exchange_finish(x);
}

enum err rekey_child_request(struct exchange *x)
{
    struct rec_request *q = &x->sa->r.request;
    const struct policy_child *pc;
    struct child_record *old;
    struct pl_notify n;
    struct child_made made;
    uint32_t spi, old_spi_in;

    TRY(pl_notify_check(x->inner));
    if (!notify_find(x->inner, N_REKEY_SA, 0, &n))
        return E_NOT_ALLOWED;
    TRY(notify_spi32(&n, &spi));
    /* RFC 7296 1.3.3: the SPI is the one that the sender of the request expects in inbound packets.
     */
    old = ike_sa_child_out(x->sa, spi);
    if (old == NULL && (q->kind == RQ_REKEY_CHILD || q->kind == RQ_CREATE_CHILD))
        /* It may be the one that our own request is making: the answer is still on its way, and
         * CHILD_SA_NOT_FOUND would make the peer delete it. */
        return exchange_refuse(x, N_TEMPORARY_FAILURE, SPAN_NONE);
    if (old == NULL)
        return not_found(x, spi);
    /* RFC 7296 2.25.1: "If a peer receives a request to rekey a Child SA that it is currently
     * trying to close, it SHOULD reply with TEMPORARY_FAILURE." One that was replaced is about to
     * close. */
    if (ike_busy(x->sa) || old->state != CS_INSTALLED)
        return exchange_refuse(x, N_TEMPORARY_FAILURE, SPAN_NONE);
    pc = exchange_child_policy(exchange_conn(x, x->sa), old->name);
    if (pc == NULL)
        return exchange_refuse(x, N_NO_PROPOSAL_CHOSEN, SPAN_NONE);
    old_spi_in = old->spi_in;
    TRY(child_answer(x, pc, old, &made));
    if (made.spi_in == 0)
        return OK;
    ike_sa_child(x->sa, old_spi_in)->state = CS_REKEYED;
    /* Both at once: who deletes what is settled when the answer to ours comes. */
    if (q->kind == RQ_REKEY_CHILD && q->child_spi_in == old_spi_in &&
        collision_keep(&x->sa->r, RQ_REKEY_CHILD, made.spi_in,
                       span_of(made.lowest, made.n_lowest)) != OK)
        LOG(x->env, LOG_ERROR, "collision-forgotten", F_SPI32("spi_in", made.spi_in));
    return OK;
}

enum err rekey_child_begin(struct exchange *x, uint32_t spi_in)
{
    struct child_record *old = ike_sa_child(x->sa, spi_in);
    struct child_run *run = ike_sa_run(x->sa, spi_in);
    const struct policy_child *pc;

    if (old == NULL || run == NULL)
        return E_NOT_FOUND;
    run->rekey_after_ms = x->mono_ms + GIVE_UP_MS; /* should the rest fail */
    pc = exchange_child_policy(exchange_conn(x, x->sa), old->name);
    if (pc == NULL)
        return E_CONFIG;
    msg_add_notify_esp(exchange_build(x), N_REKEY_SA, spi_in, SPAN_NONE);
    TRY(child_offer(x, pc, old, run->dh_group));
    collision_clear(&x->sa->r);
    x->sa->r.request.kind = RQ_REKEY_CHILD;
    x->sa->r.request.child_spi_in = spi_in;
    return OK;
}
