/* routes: what makes the host hand inner packets to the data plane, and what keeps them from
 * leaving in clear when it is not there.
 *
 * INV-CLEAR: before anything else, an unreachable route with a high metric stands for every pool;
 * it stays when the process dies, while the route to the TUN device (lower metric, preferred) goes
 * with the device. So a packet to a client is encrypted here, forwarded to the owner's node, or
 * refused. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/runtime/daemon.h"
#include "node/dataplane/tun_route.h"
#include "statesync/record/session_record.h"

enum { METRIC_TUN = 100, METRIC_CLOSED = 4000000 };

enum err routes_start(struct daemon *d, char error[DAEMON_ERROR])
{
    for (size_t i = 0; i < d->cfg->n_pools; i++) {
        struct tun_route closed = { .dst = d->cfg->pools[i], .metric = METRIC_CLOSED };
        struct tun_route open = { .dst = d->cfg->pools[i],
                                  .ifindex = dp_tun_ifindex(d->dp),
                                  .metric = METRIC_TUN };
        char text[IP_TEXT_MAX];

        if (tun_route_add_unreachable(&closed) == OK && tun_route_add(&open) == OK)
            continue;
        snprintf(error, DAEMON_ERROR, "cannot add the routes of pool %s: %s",
                 prefix_text(&d->cfg->pools[i], text), strerror(errno));
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

static bool in_a_pool(const struct daemon *d, const struct ip_addr *a)
{
    for (size_t i = 0; i < d->cfg->n_pools; i++)
        if (prefix_contains(&d->cfg->pools[i], a))
            return true;
    return false;
}

static void add_route(struct daemon *d, const struct session_record *r, const struct rec_ts *t)
{
    struct tun_route route = { .ifindex = dp_tun_ifindex(d->dp), .metric = METRIC_TUN };
    struct tun_route closed = { .metric = METRIC_CLOSED };
    char text[IP_TEXT_MAX];

    if (in_a_pool(d, &t->first) || !as_prefix(t, &route.dst))
        return;
    if (route.dst.bits == 0) {
        LOG(&d->env, LOG_WARN, "route-not-added", F_STR("prefix", prefix_text(&route.dst, text)),
            F_STR("remedy", "a default route into the tunnel is the operator's to set, with an "
                            "exception for the peer's address"));
        return;
    }
    for (unsigned i = 0; r->role == ROLE_INITIATOR && i < r->n_vips; i++)
        if (r->vips[i].family == t->first.family)
            route.src = r->vips[i];
    closed.dst = route.dst;
    if (tun_route_add_unreachable(&closed) != OK || tun_route_add(&route) != OK)
        LOG(&d->env, LOG_ERROR, "route-failed", F_STR("prefix", prefix_text(&route.dst, text)),
            F_STR("reason", strerror(errno)));
}

struct wanted {
    struct daemon *d;
    const struct action *a;
};

static bool session_routes(void *ctx, const struct session_record *r)
{
    struct wanted *w = ctx;

    if (session_own_spi(r) != w->a->event_spi)
        return true;
    for (unsigned i = 0; r->role == ROLE_INITIATOR && i < r->n_vips; i++) {
        struct ip_prefix own = { r->vips[i], (uint8_t)(ip_len(&r->vips[i]) * 8) };

        if (tun_addr_add(dp_tun_ifindex(w->d->dp), &own) != OK)
            LOG(&w->d->env, LOG_ERROR, "address-failed", F_STR("reason", strerror(errno)));
    }
    for (unsigned c = 0; c < r->n_children; c++)
        for (unsigned i = 0; i < r->children[c].n_remote; i++)
            add_route(w->d, r, &r->children[c].remote_ts[i]);
    return false;
}

void routes_child_up(struct daemon *d, const struct action *a)
{
    struct wanted w = { d, a };

    if (node_engine(d->node) != NULL)
        engine_each_session(node_engine(d->node), session_routes, &w);
}
