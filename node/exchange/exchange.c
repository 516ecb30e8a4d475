#include "node/exchange/exchange.h"

#include <string.h>

struct msg *exchange_build(struct exchange *x)
{
    msg_begin_inner(&x->build, x->room, EXCHANGE_ROOM);
    return &x->build;
}

enum err exchange_finish(struct exchange *x)
{
    TRY(msg_finish(&x->build, &x->out.content));
    x->out.first = x->build.first;
    x->out.answer = true;
    return OK;
}

enum err exchange_refuse(struct exchange *x, uint16_t notify, struct span data)
{
    msg_add_notify(exchange_build(x), notify, data);
    TRY(exchange_finish(x));
    x->out.commit = false;
    return OK;
}

void exchange_drop_request(struct ike_sa *sa)
{
    struct rec_request *q = &sa->r.request;

    bytes_free(&q->datagrams);
    bytes_wipe_free(&q->dh_private);
    bytes_wipe_free(&q->nonce);
    bytes_free(&q->ts);
    *q = (struct rec_request){ 0 };
    sa->request_due_ms = 0;
}

void exchange_event(struct exchange *x, enum out_event_kind kind, uint32_t spi_in, enum err err)
{
    if (x->out.n_events < OUT_EVENTS)
        x->out.events[x->out.n_events++] = (struct out_event){ kind, spi_in, err };
}

const struct policy_conn *exchange_conn(const struct exchange *x, const struct ike_sa *sa)
{
    for (size_t i = 0; i < x->policy->n_conns; i++)
        if (strcmp(x->policy->conns[i].name, sa->r.conn) == 0)
            return &x->policy->conns[i];
    return NULL;
}

const struct policy_child *exchange_child_policy(const struct policy_conn *c, const char *name)
{
    for (unsigned i = 0; c != NULL && i < c->n_children; i++)
        if (strcmp(c->children[i].name, name) == 0)
            return &c->children[i];
    return NULL;
}

/* Rekey times are drawn below the configured one, so that a fleet does not rekey in step. */
static uint64_t with_jitter(const struct exchange *x, uint32_t seconds, uint8_t pct)
{
    uint64_t ms = (uint64_t)seconds * 1000, span = ms * pct / 100;

    return span == 0 ? ms : ms - env_uniform(x->env, span + 1);
}

void ike_sa_lifetimes(struct exchange *x, struct ike_sa *sa, const struct policy_conn *conn)
{
    sa->r.established_ms = x->wall_ms;
    sa->r.rekey_at_ms = conn == NULL || conn->rekey_s == 0
                            ? 0
                            : x->wall_ms + with_jitter(x, conn->rekey_s, conn->jitter_pct);
    sa->r.expire_at_ms =
        conn == NULL || conn->life_s == 0 ? 0 : x->wall_ms + (uint64_t)conn->life_s * 1000;
}
