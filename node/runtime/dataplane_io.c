#include "node/runtime/dataplane_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/runtime/runtime.h"

enum { INBOX_MAX = 65536, INBOX_PACKETS = 8192 };

struct inbox_event {
    bool ike; /* an IKE message of port 4500: event.local, remote and packet */
    struct dp_event event;
    struct bytes packet;
};

static void on_wake(uv_idle_t *h)
{
    struct dataplane_io *d = h->data;

    uv_idle_stop(h);
    runtime_step_done(d->rt);
}

static bool room(struct dataplane_io *d)
{
    struct inbox_event *v;
    size_t cap = d->cap == 0 ? 64 : d->cap * 2;

    if (d->n < d->cap)
        return true;
    v = cap > INBOX_MAX ? NULL : realloc(d->inbox, cap * sizeof *v);
    if (v == NULL)
        return false;
    d->inbox = v;
    d->cap = cap;
    return true;
}

/* Packets are dropped when too many wait: room is left for what carries state, of which there is no
 * more than a few events for each SA. */
static void post(struct dataplane_io *d, const struct dp_event *ev, bool ike)
{
    bool carries_state = !ike && ev->kind != DPE_UNKNOWN_SPI && ev->kind != DPE_NO_SA_OUT;
    struct inbox_event *in;

    if (!carries_state && d->n - d->first >= INBOX_PACKETS) {
        d->dropped++;
        return;
    }
    if (!room(d)) {
        if (carries_state)
            abort(); /* losing one would leave a session half moved; a neighbour takes over */
        d->dropped++;
        return;
    }
    in = &d->inbox[d->n];
    *in = (struct inbox_event){ .ike = ike, .event = *ev };
    if (bytes_copy(ev->packet, &in->packet) != OK)
        abort();
    in->event.packet = span_bytes(in->packet);
    d->n++;
    if (!d->rt->running && d->open)
        uv_idle_start(&d->wake, on_wake);
}

static void on_event(void *ctx, const struct dp_event *ev)
{
    post(ctx, ev, false);
}

bool dataplane_io_step(struct dataplane_io *d)
{
    struct inbox_event in;

    if (d->first == d->n) {
        d->first = d->n = 0;
        return false;
    }
    in = d->inbox[d->first++];
    if (d->first == d->n)
        d->first = d->n = 0;
    if (in.ike)
        node_packet(d->rt->node, runtime_now(), &in.event.local, &in.event.remote, in.event.packet,
                    &d->rt->acts);
    else
        node_dp_event(d->rt->node, runtime_now(), &in.event, &d->rt->acts);
    bytes_free(&in.packet);
    return true;
}

static void on_ike(void *ctx, const struct endpoint *local, const struct endpoint *remote,
                   struct span message)
{
    struct dp_event ev = { .local = *local, .remote = *remote, .packet = message };

    post(ctx, &ev, true);
}

static enum err explain(const struct config *cfg, char error[CONFIG_ERROR])
{
    int why = errno;

    (void)cfg;
    if (why == ENOENT || why == ENODEV)
        snprintf(error, CONFIG_ERROR, "dataplane: there is no /dev/net/tun: modprobe tun");
    else if (why == EPERM || why == EACCES)
        snprintf(error, CONFIG_ERROR,
                 "dataplane: may not make a TUN device: it needs CAP_NET_ADMIN");
    else if (why == EBUSY)
        snprintf(error, CONFIG_ERROR, "dataplane.tun: the device is in use by another process");
    else
        snprintf(error, CONFIG_ERROR, "dataplane: cannot make a TUN device: %s", strerror(why));
    return E_CONFIG;
}

enum err dataplane_io_open(struct dataplane_io *d, struct runtime *rt, char error[CONFIG_ERROR])
{
    const struct config *c = rt->cfg;
    struct dp_tun_config tc = dp_tun_defaults();
    struct udp_sock s4, s6;

    d->rt = rt;
    TRY(udp_io_bind(&c->listen4, 4500, &s4, error));
    TRY(udp_io_bind(&c->listen6, 4500, &s6, error));
    tc.loop = &rt->loop;
    tc.env = &rt->env;
    snprintf(tc.tun_name, sizeof tc.tun_name, "%s", c->tun.name);
    tc.mtu = c->tun.mtu;
    tc.raw_esp = c->tun.raw_esp;
    tc.no_offload = !c->tun.offload;
    tc.udp4_fd = s4.fd;
    tc.udp6_fd = s6.fd;
    tc.on_ike = on_ike;
    tc.ike_ctx = d;
    errno = 0;
    if (dp_tun_new(&tc, &d->dp) != OK) {
        d->dp = NULL;
        return explain(c, error);
    }
    d->dp->on_event = on_event;
    d->dp->ctx = d;
    d->dp->window_packets = 1024;
    d->dp->window_ms = 1000;
    uv_idle_init(&rt->loop, &d->wake);
    d->wake.data = d;
    d->open = true;
    return OK;
}

void dataplane_io_close(struct dataplane_io *d)
{
    if (d->dp != NULL)
        dp_tun_close(d->dp, NULL, NULL);
    d->dp = NULL;
    if (d->open)
        uv_close((uv_handle_t *)&d->wake, NULL);
    d->open = false;
    for (size_t i = d->first; i < d->n; i++)
        bytes_free(&d->inbox[i].packet);
    free(d->inbox);
    d->inbox = NULL;
    d->first = d->n = d->cap = 0;
}
