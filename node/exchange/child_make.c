/* child_make: a Child SA's record from a finished negotiation.
 *
 * RFC 7296 2.17: keys for the SA carrying data from the initiator to the responder are taken before
 * those for the other direction; "initiator" is that of the exchange which creates the Child SA. */
#include <stdlib.h>
#include <string.h>

#include "node/exchange/exchange.h"
#include "node/sa/keymat.h"
#include "statesync/lease/seq_reserve.h"

static enum err copy_ts(const struct ts *ts, size_t n, struct rec_ts **ret)
{
    struct rec_ts *v = calloc(n, sizeof *v);

    if (v == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++)
        v[i] = (struct rec_ts){ ts[i].protocol, ts[i].port_first, ts[i].port_last, ts[i].first,
                                ts[i].last };
    *ret = v;
    return OK;
}

static uint64_t below(const struct exchange *x, uint64_t limit, uint8_t pct)
{
    uint64_t span = limit / 100 * pct;

    return span == 0 ? limit : limit - env_uniform(x->env, span + 1);
}

static void set_lifetimes(struct exchange *x, struct child_record *c, const struct policy_child *p,
                          uint8_t jitter)
{
    c->created_ms = x->wall_ms;
    if (p == NULL)
        return;
    if (p->rekey_s > 0)
        c->rekey_at_ms = x->wall_ms + below(x, (uint64_t)p->rekey_s * 1000, jitter);
    if (p->life_s > 0)
        c->expire_at_ms = x->wall_ms + (uint64_t)p->life_s * 1000;
    c->rekey_bytes = below(x, p->rekey_bytes, jitter);
    c->max_bytes = p->life_bytes;
    c->rekey_packets = below(x, p->rekey_packets, jitter);
    c->max_packets = p->life_packets;
}

static void reserve_first(struct exchange *x, struct ike_sa *sa, struct child_record *c)
{
    struct seq_plan first = seq_first(c->esn);

    c->seq_next = first.start;
    c->reserved_end = first.end;
    c->blocks = first.blocks;
    c->reserved_in = x->ops->incarnation(x->host, sa->slot);
}

enum err child_make(struct exchange *x, struct ike_sa *sa, const struct child_make *m)
{
    const struct policy_conn *conn = exchange_conn(x, sa);
    struct child_keys keys;
    struct rec_ts *local = NULL, *remote = NULL;
    struct child_record *c;
    enum err e;

    if (m->n_local > LIMIT_SELECTORS || m->n_remote > LIMIT_SELECTORS)
        return E_LIMIT;
    TRY(keymat_child(sa->r.suite.prf, &sa->r.sk_d, m->shared, m->ni, m->nr, &m->suite, &keys));
    e = copy_ts(m->local, m->n_local, &local);
    if (e == OK)
        e = copy_ts(m->remote, m->n_remote, &remote);
    c = e == OK ? session_record_add_child(&sa->r) : NULL;
    if (c == NULL) {
        free(local);
        free(remote);
        child_keys_wipe(&keys);
        return e == OK ? E_LIMIT : e;
    }
    c->state = CS_INSTALLED;
    c->spi_in = m->spi_in;
    c->spi_out = m->spi_out;
    c->suite =
        (struct rec_suite){ m->suite.encr, m->suite.encr_key_bits, m->suite.integ, 0, m->suite.dh };
    c->esn = m->suite.esn;
    c->udp_encap = sa->r.udp_encap;
    c->initiator = m->initiator;
    if (m->policy != NULL)
        memcpy(c->name, m->policy->name, sizeof c->name);
    c->encr_out = m->initiator ? keys.encr_i : keys.encr_r;
    c->integ_out = m->initiator ? keys.integ_i : keys.integ_r;
    c->encr_in = m->initiator ? keys.encr_r : keys.encr_i;
    c->integ_in = m->initiator ? keys.integ_r : keys.integ_i;
    c->local_ts = local;
    c->remote_ts = remote;
    c->n_local = (uint8_t)m->n_local;
    c->n_remote = (uint8_t)m->n_remote;
    c->window.bitmap_valid = true; /* nothing was seen yet */
    set_lifetimes(x, c, m->policy, conn == NULL ? 0 : conn->jitter_pct);
    reserve_first(x, sa, c);
    child_keys_wipe(&keys);
    return OK;
}
