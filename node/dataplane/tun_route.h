/* tun_route: addresses and routes by rtnetlink, for the TUN device and for fail-closed routes.
 *
 * Synchronous, each call opens and closes its own netlink socket (control path only). Calls that
 * find their work already done are OK. Errors: E_IO with errno, E_TRUNCATED for an answer that is
 * none. */
#pragma once

#include "statesync/base/addr.h"

/* Interface up, with this MTU (0: leave), a queue of 1024 packets and no IPv6 link-local address.
 */
MUST_USE enum err tun_link_up(unsigned ifindex, uint32_t mtu);
MUST_USE enum err tun_addr_add(unsigned ifindex, const struct ip_prefix *addr);
MUST_USE enum err tun_addr_del(unsigned ifindex, const struct ip_prefix *addr);

/* Route for the prefix to the device. table 0: main. src family 0: none. metric 0: kernel's choice.
 */
struct tun_route {
    struct ip_prefix dst;
    unsigned ifindex;
    uint32_t metric;
    uint32_t table;
    struct ip_addr src;
};
MUST_USE enum err tun_route_add(const struct tun_route *r);
MUST_USE enum err tun_route_del(const struct tun_route *r);
/* The same with an unreachable route instead of a device (INV-CLEAR: what no SA takes goes
 * nowhere); ifindex is ignored. */
MUST_USE enum err tun_route_add_unreachable(const struct tun_route *r);
MUST_USE enum err tun_route_del_unreachable(const struct tun_route *r);
