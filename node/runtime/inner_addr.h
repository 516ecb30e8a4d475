/* inner_addr: addresses and routes on the TUN device, and the routes that keep inner packets from
 * leaving in clear when it is not there. INV-CLEAR. */
#pragma once

#include "node/config/config.h"

struct runtime;
struct action;

struct inner_addr {
    struct runtime *rt;
};

/* Fail closed, before anything else: for every pool an unreachable route with a high metric, which
 * stays when the process dies, and the route to the device, which goes with it. */
MUST_USE enum err inner_addr_open(struct inner_addr *i, struct runtime *rt,
                                  char error[CONFIG_ERROR]);
/* EV_CHILD_UP: what a session of this node needs besides the pools. */
void inner_addr_child_up(struct inner_addr *i, const struct action *a);
