/* actions_run: each action to its outlet. */
#include "node/runtime/daemon.h"

static void event(struct daemon *d, const struct action *a)
{
    if (a->event == EV_CHILD_UP)
        routes_child_up(d, a);
    if (a->event == EV_DRAINED && d->leaving)
        uv_stop(&d->loop);
    if (d->control != NULL)
        control_server_event(d->control, a);
}

void actions_run(struct daemon *d, const struct action *a)
{
    const struct dataplane_ops *dp = d->dp->ops;

    switch (a->kind) {
    case ACT_SEND:
        udp_io_send(d, a);
        break;
    case ACT_STORE:
        d->store->ops->submit(d->store, &a->op);
        break;
    case ACT_DP_INSTALL:
        dp->install(d->dp, a->child);
        break;
    case ACT_DP_EXTEND:
        dp->extend(d->dp, a->spi_in, a->seq_end);
        break;
    case ACT_DP_MOVE:
        dp->move(d->dp, a->spi_in, &a->local, &a->remote, a->encap);
        break;
    case ACT_DP_REMOVE:
        dp->remove(d->dp, a->spi_in);
        break;
    case ACT_DP_QUERY:
        dp->query(d->dp, a->spi_in);
        break;
    case ACT_DP_DEADLINE:
        dp->slot_deadline(d->dp, a->slot, a->deadline_ms);
        break;
    case ACT_DP_INPUT_ESP:
        dp_tun_input_esp(d->dp, &a->local, &a->remote, a->data, a->forwarded);
        break;
    case ACT_DP_INPUT_INNER:
        dp_tun_input_inner(d->dp, a->data, a->forwarded);
        break;
    case ACT_PEER_SEND:
        udp_io_send_peer(d, a);
        break;
    case ACT_VIP_ROUTE:
        break;
    case ACT_EVENT:
        event(d, a);
        break;
    }
}
