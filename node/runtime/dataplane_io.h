/* dataplane_io: the TUN data plane on the loop. Its events, and the IKE messages of port 4500, wait
 * in an inbox: the node is never entered from within a call of the data plane. */
#pragma once

#include <uv.h>

#include "node/config/config.h"
#include "node/dataplane/dp_tun.h"

struct runtime;

struct dataplane_io {
    struct runtime *rt;
    struct dataplane *dp;
    struct inbox_event *inbox;
    size_t n, cap, first;
    uint64_t dropped; /* packets that found the inbox full */
    uv_idle_t wake;   /* events that came outside of a step */
    bool open;
};

MUST_USE enum err dataplane_io_open(struct dataplane_io *d, struct runtime *rt,
                                    char error[CONFIG_ERROR]);
void dataplane_io_close(struct dataplane_io *d);
/* Gives the next waiting event to the node; false: none. */
bool dataplane_io_step(struct dataplane_io *d);
