/* udp_send: the send side of udp_batch.h.
 *
 * Packets of one SA that are equally long form a train: one message with UDP_SEGMENT, which the
 * kernel (or the network card) cuts. A shorter packet may only be the last. Trains keep the order
 * in which they were opened, so the order within an SA is kept. */
#include "node/dataplane/udp_batch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "node/dataplane/udp_sockaddr.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
    TRAINS = 128,
    TRAIN_PACKETS = 64,   /* UDP_MAX_SEGMENTS of older kernels */
    TRAIN_OCTETS = 65000, /* below what one IP packet holds, headers included */
    CONTROL_MAX = 128,
    FULL_WAIT_MS = 2,
    FULL_WAITS = 4,
};

struct train {
    const struct udp_sock *sock;
    struct endpoint local, remote;
    uint8_t tos;
    bool closed;
    uint64_t id;
    size_t segment, total;
    unsigned packets, n_iov;
    struct iovec iov[TRAIN_PACKETS];
};

struct udp_send {
    unsigned n;
    bool no_gso; /* a device on the way cannot checksum: learnt from EIO */
    uint64_t dropped;
    struct train train[TRAINS];
    struct mmsghdr hdr[TRAINS];
    struct sockaddr_storage to[TRAINS];
    _Alignas(struct cmsghdr) uint8_t control[TRAINS][CONTROL_MAX];
};

struct udp_send *udp_send_new(void)
{
    return calloc(1, sizeof(struct udp_send));
}

struct udp_send *udp_send_free(struct udp_send *b)
{
    free(b);
    return NULL;
}

uint64_t udp_send_dropped(const struct udp_send *b)
{
    return b->dropped;
}

static void put_cmsg(struct msghdr *m, int level, int type, const void *data, size_t len)
{
    struct cmsghdr *h = (struct cmsghdr *)((uint8_t *)m->msg_control + m->msg_controllen);

    memset(h, 0, CMSG_SPACE(len));
    h->cmsg_level = level;
    h->cmsg_type = type;
    h->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(h), data, len);
    m->msg_controllen += CMSG_SPACE(len);
}

/* Raw sockets have no port; IPv6 ones refuse any. */
static socklen_t fill_to(const struct udp_sock *s, const struct endpoint *remote,
                         struct sockaddr_storage *to)
{
    struct endpoint e = { remote->addr, s->raw ? 0 : remote->port };

    return endpoint_to_sockaddr(&e, to);
}

/* Source address, outer TOS and segment length. m->msg_control has CONTROL_MAX octets. */
static void fill_control(struct msghdr *m, uint8_t family, const struct ip_addr *local, uint8_t tos,
                         uint16_t segment)
{
    int v = tos;

    m->msg_controllen = 0;
    if (local->family == 4) {
        struct in_pktinfo info = { 0 };

        memcpy(&info.ipi_spec_dst, local->ip, 4);
        put_cmsg(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    } else if (local->family == 6) {
        struct in6_pktinfo info = { 0 };

        memcpy(&info.ipi6_addr, local->ip, 16);
        put_cmsg(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
    if (tos != 0)
        put_cmsg(m, family == 4 ? IPPROTO_IP : IPPROTO_IPV6, family == 4 ? IP_TOS : IPV6_TCLASS, &v,
                 sizeof(v));
    if (segment != 0)
        put_cmsg(m, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
    if (m->msg_controllen == 0)
        m->msg_control = NULL;
}

static bool takes(const struct udp_send *b, const struct train *t, const struct udp_sock *s,
                  const struct endpoint *local, const struct endpoint *remote, uint8_t tos,
                  size_t len)
{
    return !t->closed && s->gso && !b->no_gso && t->sock == s && t->tos == tos &&
           len <= t->segment && t->packets < TRAIN_PACKETS && t->total + len <= TRAIN_OCTETS &&
           endpoint_eq(&t->remote, remote) && endpoint_eq(&t->local, local);
}

static void append(struct train *t, struct span p)
{
    struct iovec *last = t->n_iov > 0 ? &t->iov[t->n_iov - 1] : NULL;

    if (last != NULL && (const uint8_t *)last->iov_base + last->iov_len == p.p)
        last->iov_len += p.len;
    else
        t->iov[t->n_iov++] = (struct iovec){ (void *)(uintptr_t)p.p, p.len };
    t->packets++;
    t->total += p.len;
    if (p.len < t->segment)
        t->closed = true;
}

void udp_send_add(struct udp_send *b, const struct udp_sock *s, const struct endpoint *local,
                  const struct endpoint *remote, uint8_t tos, uint64_t train, struct span packet)
{
    struct train *t;

    for (unsigned i = b->n; i-- > 0;) {
        t = &b->train[i];
        if (t->id != train)
            continue;
        if (!takes(b, t, s, local, remote, tos, packet.len))
            break;
        append(t, packet);
        return;
    }
    if (b->n == TRAINS)
        udp_send_flush(b);
    t = &b->train[b->n++];
    t->sock = s;
    t->local = *local;
    t->remote = *remote;
    t->tos = tos;
    t->id = train;
    t->closed = false;
    t->segment = packet.len;
    t->total = 0;
    t->packets = t->n_iov = 0;
    append(t, packet);
}

static void prepare(struct udp_send *b, unsigned i)
{
    struct train *t = &b->train[i];
    struct msghdr *m = &b->hdr[i].msg_hdr;

    *m = (struct msghdr){ .msg_name = &b->to[i],
                          .msg_namelen = fill_to(t->sock, &t->remote, &b->to[i]),
                          .msg_iov = t->iov,
                          .msg_iovlen = t->n_iov,
                          .msg_control = b->control[i] };
    fill_control(m, t->sock->family, &t->local.addr, t->tos,
                 t->packets > 1 ? (uint16_t)t->segment : 0);
}

/* Wait for room, a little: the sender of the packets is slowed down by that instead of losing them.
 */
static bool wait_room(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    return poll(&p, 1, FULL_WAIT_MS) == 1;
}

static bool is_full(int e)
{
    return e == EAGAIN || e == EWOULDBLOCK || e == ENOBUFS;
}

/* What the kernel did not take as a train goes one by one, for example when the path's MTU is below
 * the segment length: single datagrams are then fragmented. */
static void send_singly(struct udp_send *b, struct train *t)
{
    uint8_t flat[TRAIN_OCTETS];
    size_t len = 0, at = 0;

    for (unsigned i = 0; i < t->n_iov; i++) {
        memcpy(flat + len, t->iov[i].iov_base, t->iov[i].iov_len);
        len += t->iov[i].iov_len;
    }
    while (at < len) {
        size_t n = t->segment < len - at ? t->segment : len - at;
        struct iovec iov = { flat + at, n };
        struct sockaddr_storage to;
        _Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];
        struct msghdr m = { .msg_name = &to,
                            .msg_namelen = fill_to(t->sock, &t->remote, &to),
                            .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control };

        fill_control(&m, t->sock->family, &t->local.addr, t->tos, 0);
        if (sendmsg(t->sock->fd, &m, MSG_DONTWAIT) < 0 &&
            (!is_full(errno) || !wait_room(t->sock->fd) ||
             sendmsg(t->sock->fd, &m, MSG_DONTWAIT) < 0))
            b->dropped++;
        at += n;
    }
}

/* Trains [first, end) of one socket. */
static void send_run(struct udp_send *b, unsigned first, unsigned end)
{
    unsigned waits = 0;

    while (first < end) {
        struct train *t = &b->train[first];
        int sent = sendmmsg(t->sock->fd, &b->hdr[first], end - first, MSG_DONTWAIT);

        if (sent > 0) {
            first += (unsigned)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (is_full(errno) && waits++ < FULL_WAITS && wait_room(t->sock->fd))
            continue;
        if (t->packets > 1 && (errno == EIO || errno == EINVAL || errno == EMSGSIZE)) {
            b->no_gso = b->no_gso || errno == EIO;
            send_singly(b, t);
        } else {
            b->dropped += t->packets;
        }
        first++;
    }
}

void udp_send_flush(struct udp_send *b)
{
    unsigned first = 0;

    for (unsigned i = 0; i < b->n; i++)
        prepare(b, i);
    for (unsigned i = 1; i <= b->n; i++) {
        if (i < b->n && b->train[i].sock == b->train[first].sock)
            continue;
        send_run(b, first, i);
        first = i;
    }
    b->n = 0;
}

void udp_send_discard(struct udp_send *b)
{
    for (unsigned i = 0; i < b->n; i++)
        b->dropped += b->train[i].packets;
    b->n = 0;
}

enum err udp_send_one(const struct udp_sock *s, const struct endpoint *local,
                      const struct endpoint *remote, struct span head, struct span body)
{
    struct iovec iov[2] = { { (void *)(uintptr_t)head.p, head.len },
                            { (void *)(uintptr_t)body.p, body.len } };
    struct sockaddr_storage to;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];
    struct msghdr m = { .msg_name = &to,
                        .msg_namelen = fill_to(s, remote, &to),
                        .msg_iov = iov,
                        .msg_iovlen = 2,
                        .msg_control = control };

    fill_control(&m, s->family, &local->addr, 0, 0);
    return sendmsg(s->fd, &m, MSG_DONTWAIT) < 0 ? E_IO : OK;
}
