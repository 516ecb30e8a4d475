/* dataplane_io: the TUN data plane and its events. An event that comes while actions are being run
 * waits in a queue: the node is never re-entered. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/runtime/daemon.h"

enum { QUEUE_MAX = 65536 };

static void on_event(void *ctx, const struct dp_event *ev)
{
    struct daemon *d = ctx;
    struct queued_event *q;

    if (!d->running) {
        node_dp_event(d->node, daemon_now(d), ev, &d->acts);
        daemon_run(d);
        return;
    }
    if (d->n_queue == d->cap_queue) {
        size_t cap = d->cap_queue == 0 ? 64 : d->cap_queue * 2;

        q = cap > QUEUE_MAX ? NULL : realloc(d->queue, cap * sizeof *q);
        if (q == NULL) /* only events with packets can be this many; others would be lost state */
            abort();
        d->queue = q;
        d->cap_queue = cap;
    }
    q = &d->queue[d->n_queue];
    *q = (struct queued_event){ .event = *ev };
    if (bytes_copy(ev->packet, &q->packet) != OK)
        return;
    q->event.packet = span_bytes(q->packet);
    d->n_queue++;
}

bool dataplane_io_next(struct daemon *d, struct queued_event *ret)
{
    if (d->n_queue == 0)
        return false;
    *ret = d->queue[0];
    d->n_queue--;
    memmove(d->queue, d->queue + 1, d->n_queue * sizeof *d->queue);
    return true;
}

static void on_ike(void *ctx, const struct endpoint *local, const struct endpoint *remote,
                   struct span message)
{
    struct daemon *d = ctx;

    node_packet(d->node, daemon_now(d), local, remote, message, &d->acts);
    daemon_run(d);
}

static void explain(int why, const struct config *cfg, char error[DAEMON_ERROR])
{
    char a4[IP_TEXT_MAX];

    if (why == EADDRINUSE)
        snprintf(
            error, DAEMON_ERROR,
            "listen: UDP port 4500 of %s is taken by another program (charon? another ikestrad?): "
            "stop it, or listen on another address",
            ip_text(&cfg->listen4, a4));
    else if (why == EADDRNOTAVAIL)
        snprintf(
            error, DAEMON_ERROR,
            "listen: %s is not an address of this host: add it first (ip addr add %s/32 dev lo)",
            ip_text(&cfg->listen4, a4), a4);
    else if (why == ENOENT || why == ENODEV)
        snprintf(error, DAEMON_ERROR, "dataplane: no /dev/net/tun here: load the tun module");
    else if (why == EPERM || why == EACCES)
        snprintf(error, DAEMON_ERROR,
                 "dataplane: not allowed to open a TUN device: CAP_NET_ADMIN is needed");
    else
        snprintf(error, DAEMON_ERROR, "dataplane: cannot start the TUN data plane: %s",
                 strerror(why));
}

enum err dataplane_io_start(struct daemon *d, char error[DAEMON_ERROR])
{
    const struct config *c = d->cfg;
    struct dp_tun_config tc = dp_tun_defaults();

    tc.loop = &d->loop;
    tc.env = &d->env;
    snprintf(tc.tun_name, sizeof tc.tun_name, "%s", c->tun.name);
    tc.mtu = c->tun.mtu;
    tc.raw_esp = c->tun.raw_esp;
    tc.no_offload = !c->tun.offload;
    tc.bind4 = (struct endpoint){ c->listen4, 4500 };
    tc.bind6 = (struct endpoint){ c->listen6, 4500 };
    tc.on_ike = on_ike;
    tc.ike_ctx = d;
    errno = 0;
    if (dp_tun_new(&tc, &d->dp) != OK) {
        explain(errno, c, error);
        return E_CONFIG;
    }
    d->dp->on_event = on_event;
    d->dp->ctx = d;
    d->dp->window_packets = 1024;
    d->dp->window_ms = 1000;
    return OK;
}
