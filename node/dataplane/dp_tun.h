/* dp_tun: userspace ESP between a TUN device and UDP (or raw ESP) sockets.
 *
 * One thread, the caller's libuv loop. Implements dataplane.h; owns the TUN device, and the port
 * 4500 sockets with their IKE traffic (handed to on_ike). RFC 4303, 3948, 4301 5.1, 6040. */
#pragma once

#include "node/dataplane/dataplane.h"
#include "statesync/base/env.h"

struct uv_loop_s;

struct dp_tun_config {
    struct uv_loop_s *loop;
    const struct env *env;        /* outlives the data plane */
    char tun_name[16];            /* "" lets the kernel choose */
    uint16_t mtu;                 /* of the TUN device; 0: 1400 */
    int udp4_fd, udp6_fd;         /* bound sockets of port 4500, taken over; -1: bind, or none */
    struct endpoint bind4, bind6; /* where to bind; family 0: none */
    bool reuse_port;
    bool raw_esp;       /* also IP protocol 50 */
    bool no_offload;    /* no vnet_hdr, GSO, GRO: for tests and comparison */
    uint16_t mss_clamp; /* inner TCP MSS at most this (IPv4; 20 less for IPv6); 0: from the MTU */
    /* A message from the IKE half of port 4500, without its non-ESP marker. May be NULL. */
    void (*on_ike)(void *ctx, const struct endpoint *local, const struct endpoint *remote,
                   struct span message);
    void *ike_ctx;
};

/* dp_tun_config with nothing set: no sockets. */
struct dp_tun_config dp_tun_defaults(void);

/* E_IO: errno says why (ENOENT or EPERM: no TUN; EADDRINUSE: port taken). The device is up. */
MUST_USE enum err dp_tun_new(const struct dp_tun_config *config, struct dataplane **ret_dp);
/* Removes all SAs without events, wipes keys, closes the device. Freed in the loop: on_closed (may
 * be NULL) is the last call. */
void dp_tun_close(struct dataplane *dp, void (*on_closed)(void *ctx), void *ctx);

const char *dp_tun_name(const struct dataplane *dp);
unsigned dp_tun_ifindex(const struct dataplane *dp);

/* Send an IKE message from port 4500, with the marker. */
MUST_USE enum err dp_tun_send_ike(struct dataplane *dp, const struct endpoint *local,
                                  const struct endpoint *remote, struct span message);

/* A packet that another node received and passed on: as if it had arrived here. esp begins with the
 * SPI; remote.port 0 means that it was raw ESP. With forwarded, events about it say so. */
void dp_tun_input_esp(struct dataplane *dp, const struct endpoint *local,
                      const struct endpoint *remote, struct span esp, bool forwarded);
void dp_tun_input_inner(struct dataplane *dp, struct span ip_packet, bool forwarded);

/* Sums over all SAs since start, for metrics. */
struct dp_tun_stats {
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
    uint64_t drop_replay, drop_auth, drop_unknown_spi, drop_no_sa, drop_block, drop_slot_closed,
        drop_hold, drop_strict, drop_lifetime, drop_selector, drop_malformed, drop_send, drop_tun,
        drop_too_big;
    uint64_t dummies_in, keepalives_in, ike_in;
    uint64_t tun_reads, tun_writes, udp_packets_in; /* for packets per call */
};
void dp_tun_get_stats(const struct dataplane *dp, struct dp_tun_stats *ret);
