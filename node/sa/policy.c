#include "node/sa/policy.h"

#include <stdlib.h>

static void conn_done(struct policy_conn *c)
{
    bytes_free(&c->local_id.data);
    bytes_free(&c->remote_id.data);
    bytes_wipe_free(&c->psk);
    c->chain = x509_chain_free(c->chain);
    c->key = sign_key_free(c->key);
    c->anchors = x509_anchors_free(c->anchors);
}

void policy_done(struct policy *p)
{
    for (size_t i = 0; i < p->n_conns; i++)
        conn_done(&p->conns[i]);
    free(p->conns);
    p->conns = NULL;
    p->n_conns = 0;
}
