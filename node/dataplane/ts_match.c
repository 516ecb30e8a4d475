#include "node/dataplane/ts_match.h"

bool ts_match_one(const struct dp_selector *ts, const struct ip_packet *p,
                  const struct ip_addr *addr, uint16_t port)
{
    if (ts->first.family != addr->family)
        return false;
    if (ip_cmp(addr, &ts->first) < 0 || ip_cmp(addr, &ts->last) > 0)
        return false;
    if (ts->protocol != 0 && ts->protocol != p->protocol)
        return false;
    if (ts->port_first == 0 && ts->port_last == UINT16_MAX)
        return true;
    return p->has_ports && port >= ts->port_first && port <= ts->port_last;
}

static bool any(const struct dp_selector *ts, size_t n, const struct ip_packet *p,
                const struct ip_addr *addr, uint16_t port)
{
    for (size_t i = 0; i < n; i++)
        if (ts_match_one(&ts[i], p, addr, port))
            return true;
    return false;
}

bool ts_match_out(const struct dp_selector *local, size_t n_local, const struct dp_selector *remote,
                  size_t n_remote, const struct ip_packet *p)
{
    return any(local, n_local, p, &p->src, p->sport) && any(remote, n_remote, p, &p->dst, p->dport);
}

bool ts_match_in(const struct dp_selector *local, size_t n_local, const struct dp_selector *remote,
                 size_t n_remote, const struct ip_packet *p)
{
    return any(remote, n_remote, p, &p->src, p->sport) && any(local, n_local, p, &p->dst, p->dport);
}
