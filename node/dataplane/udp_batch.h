/* udp_batch: UDP sockets read and written in batches, with the local address of every packet.
 *
 * Linux: recvmmsg with UDP_GRO, sendmmsg with UDP_SEGMENT, source address by IP_PKTINFO; all
 * non-blocking. What the kernel does not have is left out silently (one datagram per message then).
 * Also carries raw IP sockets of protocol ESP, whose datagrams have port 0.
 * Used for IKE (ports 500 and 4500) as well as ESP. No thread, no loop: the caller polls fd. */
#pragma once

#include "statesync/base/addr.h"

struct udp_sock {
    int fd;         /* -1: closed */
    uint8_t family; /* 4 or 6 */
    bool raw;       /* IP protocol 50 instead of UDP */
    bool gso, gro;  /* what the kernel takes */
    uint16_t port;  /* ours, host order; 0 with raw */
};

/* Bind a UDP socket (v6 sockets are v6 only). E_IO: errno says why; nothing is left open. */
MUST_USE enum err udp_sock_open(const struct endpoint *bind_to, bool reuse_port,
                                struct udp_sock *ret);
/* Take over a bound UDP socket and set the options that batches need. On failure fd stays open. */
MUST_USE enum err udp_sock_adopt(int fd, struct udp_sock *ret);
MUST_USE enum err udp_sock_open_raw_esp(uint8_t family, struct udp_sock *ret);
void udp_sock_close(struct udp_sock *s);

/* One datagram. data is writable (decrypt in place) and valid until the next receive. */
struct udp_packet {
    struct endpoint local, remote;
    uint8_t tos; /* outer DSCP and ECN */
    uint8_t *data;
    size_t len;
};

struct udp_recv;
/* msgs: messages per system call, each of up to 64 KB. NULL when memory ends. */
struct udp_recv *udp_recv_new(unsigned msgs);
struct udp_recv *udp_recv_free(struct udp_recv *r);
/* One system call. The number of packets (aggregates are taken apart), 0 when there is none now. */
size_t udp_recv_batch(struct udp_recv *r, const struct udp_sock *s,
                      struct udp_packet **ret_packets);
/* Whether the last batch filled all messages, so that another call may find more. */
bool udp_recv_full(const struct udp_recv *r);

/* Packets waiting for one flush. Bytes are borrowed until then. Consecutive packets of one train
 * (an SA: same socket, addresses and tos) that are equally long, and one shorter last, leave as one
 * message. Order is kept within a train id. */
struct udp_send;
struct udp_send *udp_send_new(void);
struct udp_send *udp_send_free(struct udp_send *b);
/* local.addr family 0: the kernel chooses the source. Flushes by itself when full. */
void udp_send_add(struct udp_send *b, const struct udp_sock *s, const struct endpoint *local,
                  const struct endpoint *remote, uint8_t tos, uint64_t train, struct span packet);
void udp_send_flush(struct udp_send *b);
/* Forgets what waits. */
void udp_send_discard(struct udp_send *b);
/* Datagrams the kernel refused since new (full buffer, no route). */
uint64_t udp_send_dropped(const struct udp_send *b);

/* One datagram now, head and body one after the other (head: the non-ESP marker, or empty).
 * E_IO: errno says why. */
MUST_USE enum err udp_send_one(const struct udp_sock *s, const struct endpoint *local,
                               const struct endpoint *remote, struct span head, struct span body);
