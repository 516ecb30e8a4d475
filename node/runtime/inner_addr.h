/* inner_addr: addresses and routes on the TUN device, and the routes that keep inner packets from
 * leaving in clear when it is not there. INV-CLEAR. */
#pragma once

#include "node/config/config.h"

struct runtime;
struct action;

enum { INNER_VIPS = 256 };

struct inner_addr {
    struct runtime *rt;
    struct ip_addr vips[INNER_VIPS]; /* on the device now */
    size_t n_vips;
};

/* Fail closed, before anything else: for every pool and every network of a remote side an
 * unreachable route with a high metric, which stays when the process dies, and for the pools the
 * route to the device, which goes with it. */
MUST_USE enum err inner_addr_open(struct inner_addr *i, struct runtime *rt,
                                  char error[CONFIG_ERROR]);
/* EV_CHILD_UP: what a session of this node needs besides the pools. */
void inner_addr_child_up(struct inner_addr *i, const struct action *a);
/* EV_CHILD_DOWN, EV_IKE_DOWN: addresses that no session has any more go. */
void inner_addr_down(struct inner_addr *i);
