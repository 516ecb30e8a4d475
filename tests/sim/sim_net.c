/* sim_net: the event queue, and a network of one anycast address, NATs and a cluster link. */
#include "tests/sim/sim.h"

#include <stdlib.h>

static bool before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void queue_push(struct sim *s, struct event e, uint64_t in_us)
{
    size_t i;

    e.at_us = s->now_us + in_us;
    e.order = s->order++;
    if (s->n_heap == s->cap_heap) {
        s->cap_heap = s->cap_heap == 0 ? 1024 : s->cap_heap * 2;
        s->heap = realloc(s->heap, s->cap_heap * sizeof *s->heap);
        if (s->heap == NULL)
            abort();
    }
    for (i = s->n_heap++; i > 0 && before(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

bool queue_pop(struct sim *s, struct event *ret)
{
    struct event last;
    size_t i = 0;

    if (s->n_heap == 0)
        return false;
    *ret = s->heap[0];
    last = s->heap[--s->n_heap];
    while (2 * i + 1 < s->n_heap) {
        size_t c = 2 * i + 1;

        if (c + 1 < s->n_heap && before(&s->heap[c + 1], &s->heap[c]))
            c++;
        if (!before(&s->heap[c], &last))
            break;
        s->heap[i] = s->heap[c];
        i = c;
    }
    if (s->n_heap > 0)
        s->heap[i] = last;
    return true;
}

void event_done(struct event *e)
{
    bytes_free(&e->data);
    if (e->op != NULL)
        memop_free(e->op);
}

static uint64_t delay_us(struct sim *s, uint64_t base)
{
    return base + rng_below(&s->rng, base) +
           (s->jitter_us > 0 ? rng_below(&s->rng, s->jitter_us) : 0);
}

/* A node whose routes the routers have: its helper announces it while it says that it is ready. */
static bool announced(const struct host *h)
{
    return h->up && node_ready(h->node);
}

/* ECMP: where a client's packets go now. Without any announced node they go on to where they went.
 */
void net_reroute(struct sim *s, bool all)
{
    for (int c = 0; c < s->n_clients; c++) {
        struct host *h = &s->hosts[s->n_nodes + c];
        int first = (int)rng_below(&s->rng, (uint64_t)s->n_nodes);

        if (!all && announced(&s->hosts[h->via]))
            continue;
        for (int i = 0; i < s->n_nodes; i++)
            if (announced(&s->hosts[(first + i) % s->n_nodes])) {
                h->via = (first + i) % s->n_nodes;
                break;
            }
    }
}

static struct host *client_of_outside(struct sim *s, const struct endpoint *e, bool *ret_4500)
{
    for (int c = 0; c < s->n_clients; c++) {
        struct host *h = &s->hosts[s->n_nodes + c];
        struct ip_addr out = { 4, { 203, 0, 113, (uint8_t)(c + 1) } };

        if (!ip_eq(&out, &e->addr))
            continue;
        *ret_4500 = e->port == h->nat_port + 1;
        return e->port == h->nat_port || *ret_4500 ? h : NULL;
    }
    return NULL;
}

static void send_one(struct sim *s, struct event e, uint64_t base_us)
{
    unsigned copies = 1 + (rng_permille(&s->rng, s->dup_permille) ? 1 : 0);

    for (unsigned i = 0; i < copies; i++) {
        struct event copy = e;

        if (rng_permille(&s->rng, s->loss_permille))
            continue;
        if (bytes_copy(span_bytes(e.data), &copy.data) != OK)
            abort();
        queue_push(s, copy, delay_us(s, base_us));
    }
    bytes_free(&e.data);
}

/* Through NAT and ECMP, one way or the other. false: nowhere. */
static bool translate(struct sim *s, struct host *from, const struct endpoint *local,
                      const struct endpoint *remote, struct event *e)
{
    static const struct ip_addr any = { 4, { 192, 0, 2, 1 } };
    bool is4500;

    if (from->client) {
        if (!ip_eq(&remote->addr, &any))
            return false;
        e->host = from->via;
        e->local = *remote;
        e->remote.addr =
            (struct ip_addr){ 4, { 203, 0, 113, (uint8_t)(from->index - s->n_nodes + 1) } };
        e->remote.port = (uint16_t)(from->nat_port + (local->port == 4500 ? 1 : 0));
    } else {
        struct host *to = client_of_outside(s, remote, &is4500);

        if (to == NULL)
            return false;
        e->host = to->index;
        e->remote = *local;
        e->local.addr = (struct ip_addr){ 4, { 10, 1, 1, (uint8_t)(to->index - s->n_nodes + 1) } };
        e->local.port = is4500 ? 4500 : 500;
    }
    return true;
}

void net_udp(struct sim *s, struct host *from, const struct endpoint *local,
             const struct endpoint *remote, struct span data)
{
    struct event e = { .kind = EVT_UDP };

    if (!translate(s, from, local, remote, &e) || bytes_copy(data, &e.data) != OK)
        return;
    send_one(s, e, 2000);
}

void net_esp(struct sim *s, struct host *from, const struct dp_packet *p)
{
    struct event e = { .kind = EVT_ESP, .esp = *p };

    if (!translate(s, from, &p->local, &p->remote, &e))
        return;
    send_one(s, e, 2000);
}

void net_peer(struct sim *s, struct host *from, const struct endpoint *remote, struct span data)
{
    struct event e = { .kind = EVT_PEER };

    for (int i = 0; i < s->n_nodes; i++) {
        struct host *to = &s->hosts[i];

        if (remote->addr.ip[3] != to->node_id || s->cut[from->index][i])
            continue;
        e.host = i;
        e.remote.addr = (struct ip_addr){ 4, { 10, 0, 0, (uint8_t)from->node_id } };
        e.remote.port = 4600;
        if (bytes_copy(data, &e.data) != OK)
            abort();
        send_one(s, e, 200);
    }
}

void net_deliver(struct sim *s, struct event *e)
{
    struct host *h = &s->hosts[e->host];

    if (!h->up || h->paused)
        return;
    switch (e->kind) {
    case EVT_UDP:
        node_packet(h->node, host_now(h), &e->local, &e->remote, span_bytes(e->data), &h->acts);
        host_run(h);
        break;
    case EVT_PEER:
        node_cluster_packet(h->node, host_now(h), &e->remote, span_bytes(e->data), &h->acts);
        host_run(h);
        break;
    case EVT_ESP: {
        struct dp_packet p = e->esp;

        /* As the receiver sees the sender after its NAT. */
        p.local = e->remote;
        p.remote = e->local;
        host_esp_in(h, &p, false);
        break;
    }
    default:
        break;
    }
}
