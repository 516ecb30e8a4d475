/* udp_io: the sockets of port 500. Port 4500 belongs to the data plane, which hands IKE over. */
#pragma once

#include <uv.h>

#include "node/config/config.h"
#include "node/dataplane/udp_batch.h"

struct runtime;

struct udp_io {
    struct runtime *rt;
    struct udp_sock sock4, sock6; /* fd -1: none */
    uv_poll_t poll4, poll6;
    struct udp_recv *recv;
    struct udp_send *send;
    uint64_t packets;
};

/* error: one line, when a port is taken. */
MUST_USE enum err udp_io_open(struct udp_io *u, struct runtime *rt, char error[CONFIG_ERROR]);
void udp_io_close(struct udp_io *u);
/* Queued until udp_io_flush; packet is borrowed until then. */
void udp_io_send(struct udp_io *u, const struct endpoint *local, const struct endpoint *remote,
                 struct span packet);
void udp_io_flush(struct udp_io *u);
/* A bound socket for the data plane (port 4500); *ret_fd -1 when addr.family is 0. */
MUST_USE enum err udp_io_bind(const struct ip_addr *addr, uint16_t port, struct udp_sock *ret,
                              char error[CONFIG_ERROR]);
/* The address that this host would use towards remote, without sending anything. E_IO: no route. */
MUST_USE enum err udp_io_source(const struct ip_addr *remote, struct ip_addr *ret);
