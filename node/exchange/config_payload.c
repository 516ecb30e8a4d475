#include "node/exchange/config_payload.h"

#include "node/wire/pl_cp.h"

static enum err give_one(struct exchange *x, const struct policy_conn *c, uint8_t family,
                         struct given *g)
{
    enum err e = E_NO_ADDRESS;

    for (unsigned i = 0; i < c->n_pools && e == E_NO_ADDRESS; i++)
        if (c->pools[i].prefix.addr.family == family)
            e = x->ops->take_address(x->host, x->sa, &c->pools[i], &g->vips[g->n],
                                     &g->leased[g->n]);
    if (e == OK)
        g->n++;
    return e;
}

enum err config_give(struct exchange *x, const struct policy_conn *c, struct given *ret)
{
    const struct payload *p = payload_first(x->inner, PL_CP);
    struct given g = { 0 };
    struct pl_cp cp;
    enum err e4 = E_NO_ADDRESS, e6 = E_NO_ADDRESS;

    *ret = g;
    if (p == NULL)
        return OK;
    TRY(pl_cp_parse(rd_of(p->body), &cp));
    if (cp.type != CP_REQUEST)
        return OK;
    if (cp_nth(&cp, INTERNAL_IP4_ADDRESS, 0) != NULL) {
        g.asked = true;
        e4 = give_one(x, c, 4, &g);
    }
    if (e4 != E_TEMPORARY && cp_nth(&cp, INTERNAL_IP6_ADDRESS, 0) != NULL) {
        g.asked = true;
        e6 = give_one(x, c, 6, &g);
    }
    if (e4 == E_TEMPORARY || e6 == E_TEMPORARY)
        return E_TEMPORARY;
    /* One family out of two is an answer; none at all is INTERNAL_ADDRESS_FAILURE. */
    if (g.asked && g.n == 0)
        return E_NO_ADDRESS;
    *ret = g;
    return OK;
}

void config_add_reply(struct msg *m, const struct policy_conn *c, const struct given *g)
{
    struct wr *w = msg_payload(m, PL_CP);
    bool v4 = false, v6 = false;

    pl_cp_write_type(w, CP_REPLY);
    for (unsigned i = 0; i < g->n; i++) {
        v4 |= g->vips[i].family == 4;
        v6 |= g->vips[i].family == 6;
        pl_cp_write_ip(w, g->vips[i].family == 4 ? INTERNAL_IP4_ADDRESS : INTERNAL_IP6_ADDRESS,
                       &g->vips[i], 128);
    }
    for (unsigned i = 0; i < c->n_dns; i++)
        if (c->dns[i].family == 4 ? v4 : v6)
            pl_cp_write_ip(w, c->dns[i].family == 4 ? INTERNAL_IP4_DNS : INTERNAL_IP6_DNS,
                           &c->dns[i], 128);
}

void config_add_request(struct msg *m, const struct policy_conn *c)
{
    struct wr *w;

    if (!c->request_vip4 && !c->request_vip6)
        return;
    w = msg_payload(m, PL_CP);
    pl_cp_write_type(w, CP_REQUEST);
    if (c->request_vip4) {
        pl_cp_write_attr(w, INTERNAL_IP4_ADDRESS, SPAN_NONE);
        pl_cp_write_attr(w, INTERNAL_IP4_DNS, SPAN_NONE);
    }
    if (c->request_vip6) {
        pl_cp_write_attr(w, INTERNAL_IP6_ADDRESS, SPAN_NONE);
        pl_cp_write_attr(w, INTERNAL_IP6_DNS, SPAN_NONE);
    }
}

/* Servers that came with our address are named, not installed: resolvers differ too much from host
 * to host. */
static void name_dns(struct exchange *x, const struct pl_cp *cp)
{
    for (size_t i = 0; i < cp->n; i++) {
        char text[IP_TEXT_MAX];
        struct ip_addr a;
        uint8_t bits;

        if ((cp->a[i].type == INTERNAL_IP4_DNS || cp->a[i].type == INTERNAL_IP6_DNS) &&
            cp_attr_ip(&cp->a[i], &a, &bits) == OK)
            LOG(x->env, LOG_INFO, "inner-dns", F_STR("server", ip_text(&a, text)));
    }
}

enum err config_take(struct exchange *x, struct given *ret)
{
    const struct payload *p = payload_first(x->inner, PL_CP);
    struct given g = { 0 };
    struct pl_cp cp;
    uint8_t bits;

    *ret = g;
    if (p == NULL)
        return OK;
    TRY(pl_cp_parse(rd_of(p->body), &cp));
    if (cp.type != CP_REPLY)
        return E_BAD_VALUE;
    for (size_t i = 0; i < cp.n && g.n < LIMIT_VIPS; i++)
        if (cp.a[i].type == INTERNAL_IP4_ADDRESS || cp.a[i].type == INTERNAL_IP6_ADDRESS)
            TRY(cp_attr_ip(&cp.a[i], &g.vips[g.n++], &bits));
    name_dns(x, &cp);
    *ret = g;
    return OK;
}
