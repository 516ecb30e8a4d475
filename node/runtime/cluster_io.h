/* cluster_io: the UDP socket between nodes. */
#pragma once

#include <uv.h>

#include "node/config/config.h"
#include "node/dataplane/udp_batch.h"

struct runtime;

struct cluster_io {
    struct runtime *rt;
    struct udp_sock sock; /* fd -1: single node */
    uv_poll_t poll;
    struct udp_recv *recv;
    struct udp_send *send;
    uint64_t packets, refused;
};

MUST_USE enum err cluster_io_open(struct cluster_io *c, struct runtime *rt,
                                  char error[CONFIG_ERROR]);
void cluster_io_close(struct cluster_io *c);
/* Queued until cluster_io_flush; datagram is borrowed until then. */
void cluster_io_send(struct cluster_io *c, const struct endpoint *to, struct span datagram);
void cluster_io_flush(struct cluster_io *c);
