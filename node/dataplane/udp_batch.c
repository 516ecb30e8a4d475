/* udp_batch: receive side and sockets; udp_send.c has the send side.
 *
 * Linux' UDP_GRO hands over up to 64 KB of equally long datagrams as one message with their length
 * in a control message; they are taken apart here, without copying. */
#include "node/dataplane/udp_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "node/dataplane/udp_sockaddr.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
    SOCKET_BUFFER = 4 * 1024 * 1024,
    MESSAGE_MAX = 65536,
    CONTROL_MAX = 192,
    PACKETS_PER_MESSAGE = 128, /* the kernel aggregates at most 64 today */
};

struct udp_recv {
    unsigned msgs;
    bool full;
    struct mmsghdr *hdr;
    struct iovec *iov;
    struct sockaddr_storage *from;
    uint8_t *control; /* CONTROL_MAX each */
    uint8_t *data;    /* MESSAGE_MAX each */
    struct udp_packet *packets;
};

static bool set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* Buffers beyond the system's maximum need CAP_NET_ADMIN; without it the maximum is what we get. */
static void set_buffers(int fd)
{
    if (!set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER))
        (void)set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (!set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER))
        (void)set_int(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

static enum err set_options(struct udp_sock *s)
{
    bool ok;

    set_buffers(s->fd);
    if (s->family == 4) {
        ok = set_int(s->fd, IPPROTO_IP, IP_PKTINFO, 1);
        (void)set_int(s->fd, IPPROTO_IP, IP_RECVTOS, 1);
        /* RFC 4301 8.1 lets the outer DF be clear: a path that is narrower than thought costs
         * fragments instead of silence. */
        (void)set_int(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    } else {
        ok = set_int(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        (void)set_int(s->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
        (void)set_int(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
    }
    if (!ok)
        return E_IO;
    if (!s->raw) {
        s->gro = set_int(s->fd, IPPROTO_UDP, UDP_GRO, 1);
        s->gso = set_int(s->fd, IPPROTO_UDP, UDP_SEGMENT, 0);
    }
    return OK;
}

enum err udp_sock_adopt(int fd, struct udp_sock *ret)
{
    struct udp_sock s = { .fd = fd };
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    struct endpoint me;

    if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
        return E_IO;
    if (!sockaddr_to_endpoint(&ss, &me))
        return E_BAD_VALUE;
    s.family = me.addr.family;
    s.port = me.port;
    TRY(set_options(&s));
    *ret = s;
    return OK;
}

enum err udp_sock_open(const struct endpoint *bind_to, bool reuse_port, struct udp_sock *ret)
{
    struct sockaddr_storage ss;
    socklen_t len = endpoint_to_sockaddr(bind_to, &ss);
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;
    enum err e = E_IO;

    if (fd < 0)
        return E_IO;
    if (bind_to->addr.family == 6)
        (void)set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (reuse_port && !set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        goto fail;
    if (bind(fd, (struct sockaddr *)&ss, len) != 0)
        goto fail;
    e = udp_sock_adopt(fd, ret);
    if (e == OK)
        return OK;
fail:
    saved = errno;
    close(fd);
    errno = saved;
    return e;
}

enum err udp_sock_open_raw_esp(uint8_t family, struct udp_sock *ret)
{
    struct udp_sock s = { .family = family, .raw = true };
    int saved;

    s.fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  IPPROTO_ESP);
    if (s.fd < 0)
        return E_IO;
    if (set_options(&s) == OK) {
        *ret = s;
        return OK;
    }
    saved = errno;
    close(s.fd);
    errno = saved;
    return E_IO;
}

void udp_sock_close(struct udp_sock *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

struct udp_recv *udp_recv_new(unsigned msgs)
{
    struct udp_recv *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->msgs = msgs;
    r->hdr = calloc(msgs, sizeof(r->hdr[0]));
    r->iov = calloc(msgs, sizeof(r->iov[0]));
    r->from = calloc(msgs, sizeof(r->from[0]));
    r->control = calloc(msgs, CONTROL_MAX);
    r->data = malloc((size_t)msgs * MESSAGE_MAX);
    r->packets = calloc((size_t)msgs * PACKETS_PER_MESSAGE, sizeof(r->packets[0]));
    if (r->hdr == NULL || r->iov == NULL || r->from == NULL || r->control == NULL ||
        r->data == NULL || r->packets == NULL)
        return udp_recv_free(r);
    return r;
}

struct udp_recv *udp_recv_free(struct udp_recv *r)
{
    if (r == NULL)
        return NULL;
    free(r->hdr);
    free(r->iov);
    free(r->from);
    free(r->control);
    free(r->data); /* other people's plaintext; no key was ever in it */
    free(r->packets);
    free(r);
    return NULL;
}

/* What the control messages say; unknown ones are skipped. */
struct control {
    struct ip_addr local;
    uint8_t tos;
    size_t segment; /* 0: one datagram */
};

static void read_control(struct msghdr *m, struct control *c)
{
    int v;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
        const uint8_t *d = CMSG_DATA(h);
        struct in_pktinfo i4;
        struct in6_pktinfo i6;

        if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
            memcpy(&i4, d, sizeof(i4));
            c->local.family = 4;
            memcpy(c->local.ip, &i4.ipi_addr, 4);
        } else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
            memcpy(&i6, d, sizeof(i6));
            c->local.family = 6;
            memcpy(c->local.ip, &i6.ipi6_addr, 16);
        } else if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_TOS) {
            c->tos = d[0];
        } else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_TCLASS) {
            memcpy(&v, d, sizeof(v));
            c->tos = (uint8_t)v;
        } else if (h->cmsg_level == IPPROTO_UDP && h->cmsg_type == UDP_GRO) {
            memcpy(&v, d, sizeof(v));
            c->segment = v > 0 ? (size_t)v : 0;
        }
    }
}

/* A raw IPv4 socket delivers the IP header too. */
static bool strip_ip(const struct udp_sock *s, uint8_t **data, size_t *len)
{
    size_t ihl;

    if (!s->raw || s->family != 4)
        return true;
    if (*len < 20)
        return false;
    ihl = (size_t)(**data & 0x0f) * 4;
    if (ihl < 20 || ihl > *len)
        return false;
    *data += ihl;
    *len -= ihl;
    return true;
}

static size_t split(struct udp_recv *r, unsigned i, const struct udp_sock *s, size_t n)
{
    struct control c = { 0 };
    struct udp_packet p = { 0 };
    uint8_t *data = r->iov[i].iov_base;
    size_t len = r->hdr[i].msg_len, room = (size_t)r->msgs * PACKETS_PER_MESSAGE;

    if ((r->hdr[i].msg_hdr.msg_flags & MSG_TRUNC) != 0 ||
        !sockaddr_to_endpoint(&r->from[i], &p.remote) || !strip_ip(s, &data, &len))
        return n;
    if (s->raw)
        p.remote.port = 0; /* a raw socket reports the protocol there */
    read_control(&r->hdr[i].msg_hdr, &c);
    p.local = (struct endpoint){ c.local, s->port };
    p.tos = c.tos;
    do {
        p.data = data;
        p.len = c.segment != 0 && c.segment < len ? c.segment : len;
        if (n < room)
            r->packets[n++] = p;
        data += p.len;
        len -= p.len;
    } while (len > 0);
    return n;
}

size_t udp_recv_batch(struct udp_recv *r, const struct udp_sock *s, struct udp_packet **ret_packets)
{
    size_t n = 0;
    int got;

    for (unsigned i = 0; i < r->msgs; i++) {
        r->iov[i] = (struct iovec){ r->data + (size_t)i * MESSAGE_MAX, MESSAGE_MAX };
        r->hdr[i].msg_hdr = (struct msghdr){ .msg_name = &r->from[i],
                                             .msg_namelen = sizeof(r->from[i]),
                                             .msg_iov = &r->iov[i],
                                             .msg_iovlen = 1,
                                             .msg_control = r->control + (size_t)i * CONTROL_MAX,
                                             .msg_controllen = CONTROL_MAX };
    }
    do
        got = recvmmsg(s->fd, r->hdr, r->msgs, MSG_DONTWAIT, NULL);
    while (got < 0 && errno == EINTR);
    r->full = got == (int)r->msgs;
    for (int i = 0; i < got; i++)
        n = split(r, (unsigned)i, s, n);
    *ret_packets = r->packets;
    return n;
}

bool udp_recv_full(const struct udp_recv *r)
{
    return r->full;
}
