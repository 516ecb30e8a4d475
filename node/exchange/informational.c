/* informational: INFORMATIONAL exchanges that the peer starts, and the answers to ours: probes,
 * Deletes, notifies. RFC 7296 1.4, 1.4.1, 2.25. An empty request is the peer's probe: its answer
 * implies nothing and needs no commit. */
#include <string.h>

#include "node/exchange/collision.h"
#include "node/exchange/exchange.h"
#include "node/exchange/rekey_ike.h"

/* Takes a Child SA out of the record; its SAs leave the data plane after the commit. */
static void forget_child(struct exchange *x, uint32_t spi_in, bool tell)
{
    if (x->out.n_remove < OUT_CHILDREN)
        x->out.remove[x->out.n_remove++] = spi_in;
    if (tell)
        exchange_event(x, OUT_CHILD_DOWN, spi_in, OK);
    session_record_remove_child(&x->sa->r, spi_in);
}

/* E_TEMPORARY: not now (rekey_ike_rival); nothing changed. */
static enum err end_ike(struct exchange *x, enum err cause)
{
    struct session_record *r = &x->sa->r;
    struct ike_sa *rival;

    TRY(rekey_ike_rival(x, &rival));
    if (rival != NULL) {
        /* Both rekeyed at once and the peer deletes the old SA: its new one has won. */
        rekey_ike_move_children(x->sa, rival);
        rekey_ike_link(x->sa, rival);
        x->out.also = rival;
    }
    collision_clear(r);
    while (r->n_children > 0)
        forget_child(x, r->children[0].spi_in, false);
    exchange_drop_request(x->sa);
    ike_sa_set_state(x->sa, SS_DELETED, x->env);
    x->out.request_done = x->out.commit = true;
    if (r->replaced_by == 0)
        exchange_event(x, OUT_IKE_DOWN, 0, cause);
    return OK;
}

/* RFC 7296 1.4.1: the answer deletes the other halves, but for those whose Delete we have in
 * flight: both sides then delete without a Delete in the answer. */
static enum err delete_children(struct exchange *x, const struct pl_delete *d)
{
    struct session_record *r = &x->sa->r;
    uint32_t ours[LIMIT_CHILDREN];
    struct collision met;
    size_t n = 0;
    struct msg *m;

    for (size_t i = 0; i < d->n; i++) {
        struct child_record *c = ike_sa_child_out(x->sa, d->spi[i]);
        bool crossing, replaced;
        uint32_t spi_in;

        if (c == NULL)
            continue;
        spi_in = c->spi_in;
        crossing = r->request.kind == RQ_DELETE_CHILD && r->request.child_spi_in == spi_in;
        /* Nobody is told of one that another has replaced, or that lost against ours. */
        replaced = c->state == CS_REKEYED || (crossing && r->request.new_spi_in != 0) ||
                   (collision_get(r, RQ_REKEY_CHILD, &met) && met.spi == spi_in);
        if (!crossing && n < LIMIT_CHILDREN)
            ours[n++] = spi_in;
        forget_child(x, spi_in, !replaced);
        x->out.commit = true;
    }
    m = exchange_build(x);
    if (n > 0)
        msg_add_delete_esp(m, ours, n);
    return exchange_finish(x);
}

enum err informational_request(struct exchange *x)
{
    struct pl_delete d, esp = { .n = 0 };
    bool any = false;

    for (size_t i = 0; i < payload_count(x->inner, PL_DELETE); i++) {
        TRY(pl_delete_parse(rd_of(payload_nth(x->inner, PL_DELETE, i)->body), &d));
        if (d.protocol == PROTO_IKE) {
            (void)exchange_build(x);
            TRY(exchange_finish(x));
            return end_ike(x, OK);
        }
        if (d.protocol != PROTO_ESP)
            continue;
        any = true;
        for (size_t k = 0; k < d.n && esp.n < LIMIT_DELETE_SPIS; k++)
            esp.spi[esp.n++] = d.spi[k];
    }
    if (any)
        return delete_children(x, &esp);
    (void)exchange_build(x);
    return exchange_finish(x);
}

enum err informational_response(struct exchange *x)
{
    struct rec_request *q = &x->sa->r.request;
    struct child_record *c;

    x->out.request_done = true;
    switch (q->kind) {
    case RQ_DELETE_IKE:
        return end_ike(x, OK);
    case RQ_DELETE_CHILD:
        c = ike_sa_child(x->sa, q->child_spi_in);
        if (c != NULL)
            forget_child(x, q->child_spi_in, q->new_spi_in == 0);
        x->out.commit = true;
        break;
    default:
        break; /* a probe was answered: that implies no state */
    }
    return OK;
}
