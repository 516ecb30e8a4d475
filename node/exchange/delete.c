/* delete: our own Deletes. RFC 7296 1.4.1. */
#include "node/exchange/exchange.h"

enum err delete_child_begin(struct exchange *x, uint32_t spi_in)
{
    struct child_record *c = ike_sa_child(x->sa, spi_in);
    struct rec_request *q = &x->sa->r.request;

    if (c == NULL)
        return E_NOT_FOUND;
    msg_add_delete_esp(exchange_build(x), &spi_in, 1);
    TRY(exchange_finish(x));
    q->kind = RQ_DELETE_CHILD;
    q->child_spi_in = spi_in;
    q->new_spi_in = c->state == CS_REKEYED ? 1 : 0; /* replaced: nobody is told that it went */
    c->state = CS_DELETING;
    x->out.commit = true;
    return OK;
}

enum err delete_ike_begin(struct exchange *x)
{
    msg_add_delete_ike(exchange_build(x));
    TRY(exchange_finish(x));
    x->sa->r.request.kind = RQ_DELETE_IKE;
    ike_sa_set_state(x->sa, SS_DELETING, x->env);
    x->out.commit = true;
    return OK;
}
