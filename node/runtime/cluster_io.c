#include "node/runtime/cluster_io.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "node/runtime/runtime.h"

enum { RECV_MSGS = 32, BATCHES = 8, ERRORS = 32 };

/* The address that an ICMP error is about. */
static bool endpoint_of(const struct sockaddr_storage *ss, struct endpoint *ret)
{
    const struct sockaddr_in *s4 = (const struct sockaddr_in *)ss;
    const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)ss;

    if (ss->ss_family == AF_INET) {
        ret->port = (uint16_t)((s4->sin_port & 0xff) << 8 | s4->sin_port >> 8);
        return ip_from_span(span_of(&s4->sin_addr, 4), &ret->addr) == OK;
    }
    if (ss->ss_family == AF_INET6) {
        ret->port = (uint16_t)((s6->sin6_port & 0xff) << 8 | s6->sin6_port >> 8);
        return ip_from_span(span_of(&s6->sin6_addr, 16), &ret->addr) == OK;
    }
    return false;
}

/* A dead process is told by its host: port unreachable. A hint, faster than three heartbeats. */
static void read_errors(struct cluster_io *c)
{
    for (unsigned i = 0; i < ERRORS; i++) {
        struct sockaddr_storage to = { 0 };
        _Alignas(struct cmsghdr) uint8_t control[512];
        uint8_t data[64];
        struct iovec iov = { data, sizeof data };
        struct msghdr m = { .msg_name = &to,
                            .msg_namelen = sizeof to,
                            .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
        struct endpoint ep;
        bool refused = false;

        if (recvmsg(c->sock.fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h != NULL; h = CMSG_NXTHDR(&m, h)) {
            struct sock_extended_err see;

            if (h->cmsg_len < CMSG_LEN(sizeof see))
                continue;
            memcpy(&see, CMSG_DATA(h), sizeof see);
            refused |= ((h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_RECVERR) ||
                        (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_RECVERR)) &&
                       see.ee_errno == ECONNREFUSED;
        }
        if (refused && endpoint_of(&to, &ep)) {
            c->refused++;
            node_neighbour_refused(c->rt->node, runtime_now(), &ep, &c->rt->acts);
            runtime_step_done(c->rt);
        }
    }
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct cluster_io *c = h->data;
    struct runtime *rt = c->rt;
    struct udp_packet *p;

    (void)events;
    read_errors(c);
    for (unsigned b = 0; b < BATCHES; b++) {
        size_t n = udp_recv_batch(c->recv, &c->sock, &p);
        struct now now = runtime_now();

        for (size_t i = 0; i < n; i++)
            node_cluster_packet(rt->node, now, &p[i].remote, span_of(p[i].data, p[i].len),
                                &rt->acts);
        c->packets += n;
        if (n > 0)
            runtime_step_done(rt);
        if (n == 0 || !udp_recv_full(c->recv))
            break;
    }
    /* libuv stops a handle whose descriptor reports an error: an ICMP error is one. */
    if (status < 0)
        (void)uv_poll_start(h, UV_READABLE, on_poll);
}

enum err cluster_io_open(struct cluster_io *c, struct runtime *rt, char error[CONFIG_ERROR])
{
    const struct endpoint *at = &rt->cfg->cluster.listen;
    char text[ENDPOINT_TEXT_MAX];
    int on = 1;

    c->rt = rt;
    c->sock.fd = -1;
    if (!rt->cfg->cluster.enabled)
        return OK;
    if (udp_sock_open(at, false, &c->sock) != OK) {
        c->sock.fd = -1;
        snprintf(error, CONFIG_ERROR,
                 "cannot bind the cluster address %s: %s; cluster.listen must "
                 "be a free port of an address of this host",
                 endpoint_text(at, text), strerror(errno));
        return E_IO;
    }
    (void)setsockopt(c->sock.fd, at->addr.family == 6 ? IPPROTO_IPV6 : IPPROTO_IP,
                     at->addr.family == 6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
    c->recv = udp_recv_new(RECV_MSGS);
    c->send = udp_send_new();
    if (c->recv == NULL || c->send == NULL)
        return E_NOMEM;
    c->poll.data = c;
    if (uv_poll_init(&rt->loop, &c->poll, c->sock.fd) != 0 ||
        uv_poll_start(&c->poll, UV_READABLE, on_poll) != 0)
        return E_IO;
    return OK;
}

void cluster_io_close(struct cluster_io *c)
{
    if (c->sock.fd >= 0) {
        if (c->poll.loop != NULL) {
            (void)uv_poll_stop(&c->poll);
            uv_close((uv_handle_t *)&c->poll, NULL);
        }
        udp_sock_close(&c->sock);
    }
    c->recv = udp_recv_free(c->recv);
    c->send = udp_send_free(c->send);
}

void cluster_io_send(struct cluster_io *c, const struct endpoint *to, struct span datagram)
{
    static const struct endpoint any = { 0 };

    if (c->sock.fd >= 0)
        udp_send_add(c->send, &c->sock, &any, to, 0, 0, datagram);
}

void cluster_io_flush(struct cluster_io *c)
{
    if (c->sock.fd >= 0)
        udp_send_flush(c->send);
}
