#include "node/runtime/udp_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/dataplane/udp_sockaddr.h"
#include "node/runtime/runtime.h"

enum { IKE_PORT = 500, RECV_MSGS = 16, BATCHES = 8 };

enum err udp_io_bind(const struct ip_addr *addr, uint16_t port, struct udp_sock *ret,
                     char error[CONFIG_ERROR])
{
    struct endpoint ep = { *addr, port };
    char ip[IP_TEXT_MAX];

    ret->fd = -1;
    if (addr->family == 0)
        return OK;
    if (udp_sock_open(&ep, false, ret) == OK)
        return OK;
    ret->fd = -1;
    snprintf(error, CONFIG_ERROR, "cannot bind UDP port %u of %s: %s; %s", port, ip_text(addr, ip),
             strerror(errno),
             errno == EADDRINUSE
                 ? "stop the other IKE daemon (ss -lunp), or give listen another address"
             : errno == EACCES || errno == EPERM
                 ? "it needs CAP_NET_BIND_SERVICE: run it as root or by its systemd unit"
                 : "listen must name an address of this host");
    return E_IO;
}

static void receive(struct udp_io *u, const struct udp_sock *s)
{
    struct runtime *rt = u->rt;
    struct udp_packet *p;

    for (unsigned b = 0; b < BATCHES; b++) {
        size_t n = udp_recv_batch(u->recv, s, &p);
        struct now now = runtime_now();

        for (size_t i = 0; i < n; i++)
            if (p[i].len > 1) /* RFC 3948 2.3: a NAT keepalive is one octet */
                node_packet(rt->node, now, &p[i].local, &p[i].remote, span_of(p[i].data, p[i].len),
                            &rt->acts);
        u->packets += n;
        if (n > 0)
            runtime_step_done(rt);
        if (n == 0 || !udp_recv_full(u->recv))
            return;
    }
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct udp_io *u = h->data;

    (void)events;
    receive(u, h == &u->poll4 ? &u->sock4 : &u->sock6);
    /* libuv stops a handle whose descriptor reports an error. */
    if (status < 0)
        (void)uv_poll_start(h, UV_READABLE, on_poll);
}

static enum err start(struct udp_io *u, uv_poll_t *h, const struct udp_sock *s)
{
    h->data = u;
    if (s->fd < 0)
        return OK;
    if (uv_poll_init(&u->rt->loop, h, s->fd) != 0)
        return E_IO;
    return uv_poll_start(h, UV_READABLE, on_poll) == 0 ? OK : E_IO;
}

enum err udp_io_open(struct udp_io *u, struct runtime *rt, char error[CONFIG_ERROR])
{
    u->rt = rt;
    u->recv = udp_recv_new(RECV_MSGS);
    u->send = udp_send_new();
    if (u->recv == NULL || u->send == NULL)
        return E_NOMEM;
    TRY(udp_io_bind(&rt->cfg->listen4, IKE_PORT, &u->sock4, error));
    TRY(udp_io_bind(&rt->cfg->listen6, IKE_PORT, &u->sock6, error));
    TRY(start(u, &u->poll4, &u->sock4));
    return start(u, &u->poll6, &u->sock6);
}

static void close_one(uv_poll_t *h, struct udp_sock *s)
{
    if (s->fd < 0)
        return;
    if (h->loop != NULL) {
        (void)uv_poll_stop(h);
        uv_close((uv_handle_t *)h, NULL);
    }
    udp_sock_close(s);
}

void udp_io_close(struct udp_io *u)
{
    close_one(&u->poll4, &u->sock4);
    close_one(&u->poll6, &u->sock6);
    u->recv = udp_recv_free(u->recv);
    u->send = udp_send_free(u->send);
}

void udp_io_send(struct udp_io *u, const struct endpoint *local, const struct endpoint *remote,
                 struct span packet)
{
    const struct udp_sock *s = remote->addr.family == 6 ? &u->sock6 : &u->sock4;

    if (s->fd >= 0)
        udp_send_add(u->send, s, local, remote, 0, 0, packet);
}

void udp_io_flush(struct udp_io *u)
{
    udp_send_flush(u->send);
}

enum err udp_io_source(const struct ip_addr *remote, struct ip_addr *ret)
{
    struct endpoint to = { *remote, IKE_PORT }, from;
    struct sockaddr_storage ss;
    socklen_t len = endpoint_to_sockaddr(&to, &ss);
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good;

    if (fd < 0)
        return E_IO;
    good = connect(fd, (struct sockaddr *)&ss, len) == 0;
    len = sizeof ss;
    good = good && getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
           sockaddr_to_endpoint(&ss, &from);
    close(fd);
    if (!good)
        return E_IO;
    *ret = from.addr;
    return OK;
}
