/* inner_addr: what makes the host hand inner packets to the data plane, and what keeps them from
 * leaving in clear when it is not there.
 *
 * INV-CLEAR: before anything else, an unreachable route with a high metric stands for every pool;
 * it stays when the process dies, while the route to the TUN device (lower metric, preferred) goes
 * with the device. So a packet to a client is encrypted here, forwarded to the owner's node, or
 * refused. */
#include "node/runtime/inner_addr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/dataplane/tun_route.h"
#include "node/runtime/runtime.h"
#include "statesync/record/session_record.h"

enum { METRIC_TUN = 100, METRIC_CLOSED = 4000000 };

/* A range that is one prefix. */
static bool as_prefix(const struct ip_addr *first, const struct ip_addr *last,
                      struct ip_prefix *ret)
{
    size_t bits = ip_len(first) * 8, same = 0;

    while (same < bits && ((first->ip[same / 8] ^ last->ip[same / 8]) >> (7 - same % 8) & 1) == 0)
        same++;
    for (size_t b = same; b < bits; b++)
        if ((first->ip[b / 8] >> (7 - b % 8) & 1) != 0 || (last->ip[b / 8] >> (7 - b % 8) & 1) == 0)
            return false;
    *ret = (struct ip_prefix){ *first, (uint8_t)same };
    return true;
}

static enum err close_prefix(const struct ip_prefix *p, char error[CONFIG_ERROR])
{
    struct tun_route closed = { .dst = *p, .metric = METRIC_CLOSED };
    char text[IP_TEXT_MAX];

    if (tun_route_add_unreachable(&closed) == OK)
        return OK;
    snprintf(error, CONFIG_ERROR,
             "cannot add an unreachable route for %s: %s; it needs "
             "CAP_NET_ADMIN",
             prefix_text(p, text), strerror(errno));
    return E_IO;
}

/* The networks that connections name as their remote side. A default route is left alone. */
static enum err close_selectors(const struct policy_conn *c, char error[CONFIG_ERROR])
{
    for (size_t k = 0; k < c->n_children; k++)
        for (size_t i = 0; i < c->children[k].n_remote; i++) {
            const struct ts *t = &c->children[k].remote_ts[i];
            struct ip_prefix p;

            if (as_prefix(&t->first, &t->last, &p) && p.bits > 0)
                TRY(close_prefix(&p, error));
        }
    return OK;
}

enum err inner_addr_open(struct inner_addr *ia, struct runtime *rt, char error[CONFIG_ERROR])
{
    const struct policy *policy = &rt->cfg->policy;

    ia->rt = rt;
    for (size_t i = 0; i < policy->n_conns; i++)
        TRY(close_selectors(&policy->conns[i], error));
    for (size_t i = 0; i < rt->cfg->n_pools; i++) {
        struct tun_route open = { .dst = rt->cfg->pools[i],
                                  .ifindex = dp_tun_ifindex(rt->dp.dp),
                                  .metric = METRIC_TUN };
        char text[IP_TEXT_MAX];

        TRY(close_prefix(&rt->cfg->pools[i], error));
        if (tun_route_add(&open) == OK)
            continue;
        snprintf(error, CONFIG_ERROR, "cannot add the route of pool %s: %s",
                 prefix_text(&rt->cfg->pools[i], text), strerror(errno));
        return E_IO;
    }
    return OK;
}

static bool in_a_pool(const struct runtime *rt, const struct ip_addr *a)
{
    for (size_t i = 0; i < rt->cfg->n_pools; i++)
        if (prefix_contains(&rt->cfg->pools[i], a))
            return true;
    return false;
}

static void add_route(struct runtime *rt, const struct session_record *r, const struct rec_ts *t)
{
    struct tun_route route = { .ifindex = dp_tun_ifindex(rt->dp.dp), .metric = METRIC_TUN };
    struct tun_route closed = { .metric = METRIC_CLOSED };
    char text[IP_TEXT_MAX];

    if (in_a_pool(rt, &t->first) || !as_prefix(&t->first, &t->last, &route.dst))
        return;
    if (route.dst.bits == 0) {
        LOG(&rt->env, LOG_WARN, "route-not-added", F_STR("prefix", prefix_text(&route.dst, text)),
            F_STR("remedy", "a default route into the tunnel is the operator's to set, with an "
                            "exception for the peer's address"));
        return;
    }
    for (unsigned i = 0; r->role == ROLE_INITIATOR && i < r->n_vips; i++)
        if (r->vips[i].family == t->first.family)
            route.src = r->vips[i];
    closed.dst = route.dst;
    if (tun_route_add_unreachable(&closed) != OK || tun_route_add(&route) != OK)
        LOG(&rt->env, LOG_ERROR, "route-failed", F_STR("prefix", prefix_text(&route.dst, text)),
            F_STR("reason", strerror(errno)));
}

struct wanted {
    struct inner_addr *ia;
    uint64_t own_spi;
    struct ip_addr vips[INNER_VIPS]; /* of every session that we began */
    size_t n;
};

static bool collect(void *ctx, const struct session_record *r)
{
    struct wanted *w = ctx;

    for (unsigned i = 0; r->role == ROLE_INITIATOR && r->state != SS_DELETED && i < r->n_vips; i++)
        if (w->n < INNER_VIPS)
            w->vips[w->n++] = r->vips[i];
    return true;
}

static bool has(const struct ip_addr *list, size_t n, const struct ip_addr *a)
{
    for (size_t i = 0; i < n; i++)
        if (ip_eq(&list[i], a))
            return true;
    return false;
}

/* The device carries the inner addresses of the sessions that we began, and no others. The kernel
 * takes a route away with its source address; the unreachable one stays. */
static void sync_addresses(struct inner_addr *ia, struct wanted *w)
{
    unsigned ifindex = dp_tun_ifindex(ia->rt->dp.dp);

    for (size_t i = 0; i < w->n; i++) {
        struct ip_prefix own = { w->vips[i], (uint8_t)(ip_len(&w->vips[i]) * 8) };

        if (!has(ia->vips, ia->n_vips, &w->vips[i]) && tun_addr_add(ifindex, &own) != OK)
            LOG(&ia->rt->env, LOG_ERROR, "address-failed", F_STR("reason", strerror(errno)));
    }
    for (size_t i = 0; i < ia->n_vips; i++) {
        struct ip_prefix old = { ia->vips[i], (uint8_t)(ip_len(&ia->vips[i]) * 8) };

        if (!has(w->vips, w->n, &ia->vips[i]) && tun_addr_del(ifindex, &old) != OK)
            LOG(&ia->rt->env, LOG_WARN, "address-failed", F_STR("reason", strerror(errno)));
    }
    memcpy(ia->vips, w->vips, w->n * sizeof w->vips[0]);
    ia->n_vips = w->n;
}

static bool session_routes(void *ctx, const struct session_record *r)
{
    struct wanted *w = ctx;

    if (session_own_spi(r) != w->own_spi)
        return true;
    for (unsigned c = 0; c < r->n_children; c++)
        for (unsigned i = 0; i < r->children[c].n_remote; i++)
            add_route(w->ia->rt, r, &r->children[c].remote_ts[i]);
    return false;
}

/* Some session may need a route that the pools do not give: one that we begin, or a site's. */
static bool routes_by_session(const struct runtime *rt)
{
    for (size_t i = 0; i < rt->cfg->policy.n_conns; i++)
        if (rt->cfg->policy.conns[i].remote.addr.family != 0 ||
            rt->cfg->policy.conns[i].n_pools == 0)
            return true;
    return false;
}

/* A gateway with pools only has its routes from the start: thousands of sessions cost nothing here.
 */
void inner_addr_child_up(struct inner_addr *ia, const struct action *a)
{
    struct engine *e = node_engine(ia->rt->node);
    struct wanted w = { .ia = ia, .own_spi = a->event_spi };

    if (e == NULL || !routes_by_session(ia->rt))
        return;
    engine_each_session(e, collect, &w);
    sync_addresses(ia, &w);
    engine_each_session(e, session_routes, &w);
}

void inner_addr_down(struct inner_addr *ia)
{
    struct engine *e = node_engine(ia->rt->node);
    struct wanted w = { .ia = ia };

    if (e == NULL || ia->n_vips == 0)
        return;
    engine_each_session(e, collect, &w);
    sync_addresses(ia, &w);
}
