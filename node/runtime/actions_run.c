/* actions_run: each action to its outlet. */
#include "node/runtime/actions_run.h"

#include "node/runtime/runtime.h"

static void event(struct runtime *rt, const struct action *a)
{
    if (a->event == EV_CHILD_UP)
        inner_addr_child_up(&rt->inner, a);
    if (a->event == EV_IKE_DOWN || a->event == EV_CHILD_DOWN)
        inner_addr_down(&rt->inner);
    autostart_event(&rt->autostart, a);
    if (a->event == EV_DRAINED)
        shutdown_drained(&rt->shutdown);
    if (rt->control != NULL)
        control_server_event(rt->control, a);
}

static void send_ike(struct runtime *rt, const struct action *a)
{
    if (a->local.port != 4500)
        udp_io_send(&rt->udp, &a->local, &a->remote, a->data);
    else if (dp_tun_send_ike(rt->dp.dp, &a->local, &a->remote, a->data) != OK)
        LOG(&rt->env, LOG_DEBUG, "send-failed", F_U64("port", 4500));
}

void actions_run_one(struct runtime *rt, const struct action *a)
{
    struct dataplane *d = rt->dp.dp;
    const struct dataplane_ops *dp = d->ops;

    switch (a->kind) {
    case ACT_SEND:
        send_ike(rt, a);
        break;
    case ACT_STORE:
        rt->store.store->ops->submit(rt->store.store, &a->op);
        break;
    case ACT_DP_INSTALL:
        dp->install(d, a->child);
        break;
    case ACT_DP_EXTEND:
        dp->extend(d, a->spi_in, a->seq_end);
        break;
    case ACT_DP_MOVE:
        dp->move(d, a->spi_in, &a->local, &a->remote, a->encap);
        break;
    case ACT_DP_REMOVE:
        dp->remove(d, a->spi_in);
        break;
    case ACT_DP_QUERY:
        dp->query(d, a->spi_in);
        break;
    case ACT_DP_DEADLINE:
        dp->slot_deadline(d, a->slot, a->deadline_ms);
        break;
    case ACT_DP_INPUT_ESP:
        dp_tun_input_esp(d, &a->local, &a->remote, a->data, a->forwarded);
        break;
    case ACT_DP_INPUT_INNER:
        dp_tun_input_inner(d, a->data, a->forwarded);
        break;
    case ACT_PEER_SEND:
        cluster_io_send(&rt->cluster, &a->remote, a->data);
        break;
    case ACT_VIP_ROUTE:
        break;
    case ACT_EVENT:
        event(rt, a);
        break;
    }
}
