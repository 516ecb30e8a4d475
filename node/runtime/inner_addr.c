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

enum err inner_addr_open(struct inner_addr *ia, struct runtime *rt, char error[CONFIG_ERROR])
{
    ia->rt = rt;
    for (size_t i = 0; i < rt->cfg->n_pools; i++) {
        struct tun_route closed = { .dst = rt->cfg->pools[i], .metric = METRIC_CLOSED };
        struct tun_route open = { .dst = rt->cfg->pools[i],
                                  .ifindex = dp_tun_ifindex(rt->dp.dp),
                                  .metric = METRIC_TUN };
        char text[IP_TEXT_MAX];

        if (tun_route_add_unreachable(&closed) == OK && tun_route_add(&open) == OK)
            continue;
        snprintf(error, CONFIG_ERROR, "cannot add the routes of pool %s: %s",
                 prefix_text(&rt->cfg->pools[i], text), strerror(errno));
        return E_CONFIG;
    }
    return OK;
}

/* A range that is one prefix. */
static bool as_prefix(const struct rec_ts *t, struct ip_prefix *ret)
{
    size_t bits = ip_len(&t->first) * 8, same = 0;

    while (same < bits &&
           ((t->first.ip[same / 8] ^ t->last.ip[same / 8]) >> (7 - same % 8) & 1) == 0)
        same++;
    for (size_t b = same; b < bits; b++)
        if ((t->first.ip[b / 8] >> (7 - b % 8) & 1) != 0 ||
            (t->last.ip[b / 8] >> (7 - b % 8) & 1) == 0)
            return false;
    *ret = (struct ip_prefix){ t->first, (uint8_t)same };
    return true;
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

    if (in_a_pool(rt, &t->first) || !as_prefix(t, &route.dst))
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
    struct runtime *rt;
    const struct action *a;
};

static bool session_routes(void *ctx, const struct session_record *r)
{
    struct wanted *w = ctx;

    if (session_own_spi(r) != w->a->event_spi)
        return true;
    for (unsigned i = 0; r->role == ROLE_INITIATOR && i < r->n_vips; i++) {
        struct ip_prefix own = { r->vips[i], (uint8_t)(ip_len(&r->vips[i]) * 8) };

        if (tun_addr_add(dp_tun_ifindex(w->rt->dp.dp), &own) != OK)
            LOG(&w->rt->env, LOG_ERROR, "address-failed", F_STR("reason", strerror(errno)));
    }
    for (unsigned c = 0; c < r->n_children; c++)
        for (unsigned i = 0; i < r->children[c].n_remote; i++)
            add_route(w->rt, r, &r->children[c].remote_ts[i]);
    return false;
}

void inner_addr_child_up(struct inner_addr *i, const struct action *a)
{
    struct runtime *rt = i->rt;
    struct wanted w = { rt, a };

    if (node_engine(rt->node) != NULL)
        engine_each_session(node_engine(rt->node), session_routes, &w);
}
