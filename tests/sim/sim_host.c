/* sim_host: one process: the shipped node with its stand-ins, and the carrying out of its actions.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

static const uint64_t wall_base_ms = 1700000000000u;

struct now host_now(const struct host *h)
{
    uint64_t ms = h->sim->now_us / 1000;

    return (struct now){ ms, wall_base_ms + ms };
}

static void host_random(void *ctx, uint8_t *out, size_t len)
{
    struct host *h = ctx;

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(rng_next(&h->sim->rng) >> 32);
}

static void host_log(void *ctx, enum log_level level, const char *event,
                     const struct log_field *fields)
{
    struct host *h = ctx;
    char line[1024];
    size_t n = log_format_json(line, sizeof line, host_now(h).wall_ms, level, event, fields);

    printf("%8.3f host %d %.*s", (double)h->sim->now_us / 1e6, h->index, (int)n, line);
}

static void on_dp_event(void *ctx, const struct dp_event *ev)
{
    struct host *h = ctx;

    if (ev->kind == DPE_UNKNOWN_SPI)
        return; /* host_esp_in raises it with the packet */
    if (h->n_dpq == h->cap_dpq) {
        h->cap_dpq = h->cap_dpq == 0 ? 64 : h->cap_dpq * 2;
        h->dpq = realloc(h->dpq, h->cap_dpq * sizeof *h->dpq);
        if (h->dpq == NULL)
            abort();
    }
    h->dpq[h->n_dpq] = *ev;
    h->dpq[h->n_dpq++].packet = SPAN_NONE;
}

static void on_result(void *ctx, const struct store_result *r)
{
    struct host *h = ctx;

    node_store_result(h->node, host_now(h), r, &h->acts);
    host_run(h);
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct host *h = ctx;

    trace(h->sim, "host %d store %s", h->index, st->up ? "up" : "down");
    node_store_state(h->node, host_now(h), st, &h->acts);
    host_run(h);
}

static struct keyring *make_keyring(void)
{
    static const uint8_t key[32] = { 7, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    struct keyring *k;

    if (keyring_new(&k) != OK || keyring_add(k, 1, KEY_ACTIVE, span_of(key, 32)) != OK)
        abort();
    return k;
}

void host_start(struct sim *s, struct host *h)
{
    static const uint8_t cluster_key[32] = { 9, 9, 9 };
    struct node_neighbour nb[SIM_NODES];
    struct node_config cfg = { .env = &h->env,
                               .policy = h->client ? &s->client_policy : &s->server_policy,
                               .pop = h->client ? SIM_CLIENT_POP : SIM_POP,
                               .node = h->client ? 1 : h->node_id,
                               .cluster_key = span_of(cluster_key, 32),
                               .slots = h->client ? 1 : SIM_SLOTS,
                               .neighbours = nb,
                               .heartbeat_ms = 50,
                               .suspect_missed = 3,
                               .deadline_ms = 3000,
                               .lease_ms = 5000,
                               .holddown_ms = 1000 };
    struct incarnation first = { { 1, (uint8_t)h->index, (uint8_t)s->now_us,
                                   (uint8_t)(s->now_us >> 8), (uint8_t)(s->now_us >> 16) } };

    h->env = (struct env){ .ctx = h,
                           .random = host_random,
                           .log = s->verbose ? host_log : NULL,
                           .log_level = LOG_DEBUG,
                           .breaks = h->client ? 0 : s->breaks };
    h->keyring = make_keyring();
    cfg.keyring = h->keyring;
    cfg.boot = (uint32_t)(host_now(h).wall_ms / 1000);
    for (int i = 0; !h->client && i < s->n_nodes; i++) {
        const struct host *o = &s->hosts[i];
        struct endpoint addr = { { 4, { 10, 0, 0, (uint8_t)o->node_id } }, 4600 };

        if (o == h) {
            cfg.cluster_addr = addr;
            continue;
        }
        nb[cfg.n_neighbours] = (struct node_neighbour){ .node = o->node_id, .cluster_addr = addr };
        cfg.n_neighbours++;
    }
    h->dp = dp_record_new(on_dp_event, h);
    if (h->dp == NULL || node_new(&cfg, &h->node) != OK)
        abort();
    h->dp->window_packets = 16;
    h->dp->window_ms = 500;
    if (h->client && memstore_new(&first, &h->own_store) != OK)
        abort();
    h->store = memstore_connect(h->client ? h->own_store : s->store, cfg.node);
    if (h->store == NULL)
        abort();
    h->store->on_result = on_result;
    h->store->on_state = on_state;
    h->store->ctx = h;
    h->up = true;
    h->paused = false;
    h->life++;
    h->takeovers_seen = 0;
    h->n_dpq = 0;
    trace(s, "host %d starts", h->index);
    node_start(h->node, host_now(h), &h->acts);
    host_run(h);
    if (!h->client) {
        memstore_tell(h->store);
        host_run(h);
    }
}

void host_done(struct host *h)
{
    if (h->store != NULL)
        h->store->ops->free(h->store);
    h->store = NULL;
    h->node = node_free(h->node);
    h->dp = dp_record_free(h->dp);
    h->keyring = keyring_free(h->keyring);
    if (h->own_store != NULL)
        h->own_store = memstore_free(h->own_store);
    actions_free(&h->acts);
    h->acts = (struct actions){ 0 };
    free(h->dpq);
    h->dpq = NULL;
    h->n_dpq = h->cap_dpq = 0;
    h->up = false;
}

void host_kill(struct sim *s, struct host *h)
{
    trace(s, "host %d killed", h->index);
    host_done(h);
    h->tick_us = 0;
}

/* The model's packet as bytes, so that it can be held and forwarded like any other. */
static struct span esp_bytes(const struct dp_packet *p, uint8_t out[32])
{
    struct wr w = wr_of(out, 32);

    wr_u32(&w, p->spi);
    wr_u32(&w, (uint32_t)p->seq);
    wr_u64(&w, p->seq);
    wr_u64(&w, p->key);
    wr_u32(&w, p->bytes);
    return wr_span(&w);
}

void host_esp_in(struct host *h, const struct dp_packet *p, bool forwarded)
{
    enum err e = dp_record_receive(h->dp, p, host_now(h).mono_ms);

    if (e == OK) {
        check_esp_delivered(h->sim, h, p);
    } else if (e == E_NOT_FOUND) {
        uint8_t b[32];
        struct dp_event ev = { .kind = DPE_UNKNOWN_SPI,
                               .spi_in = p->spi,
                               .local = p->remote,
                               .remote = p->local,
                               .forwarded = forwarded };

        ev.packet = esp_bytes(p, b);
        node_dp_event(h->node, host_now(h), &ev, &h->acts);
    }
    host_run(h);
}

static void esp_again(struct host *h, const struct action *a)
{
    struct dp_packet p = { .local = a->remote, .remote = a->local };
    struct rd r = rd_of(a->data);
    uint32_t low;

    if (rd_u32(&r, &p.spi) != OK || rd_u32(&r, &low) != OK || rd_u64(&r, &p.seq) != OK ||
        rd_u64(&r, &p.key) != OK || rd_u32(&r, &p.bytes) != OK)
        return;
    host_esp_in(h, &p, a->forwarded);
}

struct out_search {
    struct ip_addr dst;
    uint32_t spi_in;
    uint64_t newest;
};

static void find_out(void *ctx, const struct dp_record_view *v)
{
    struct out_search *f = ctx;

    if (!v->child->hold_out && v->child->n_remote > 0 &&
        ip_cmp(&f->dst, &v->child->remote_ts[0].first) >= 0 &&
        ip_cmp(&f->dst, &v->child->remote_ts[0].last) <= 0)
        f->spi_in = v->child->spi_in; /* oldest first: the newest wins */
}

/* An inner IPv4 packet (header only) that the inside hands to this host. */
void host_inner_out(struct host *h, struct span inner, bool forwarded)
{
    struct out_search f = { 0 };
    struct dp_packet p;
    struct rd r = rd_of(inner);
    struct span dst;

    if (rd_skip(&r, 16) != OK || rd_span(&r, 4, &dst) != OK || ip_from_span(dst, &f.dst) != OK)
        return;
    dp_record_each(h->dp, find_out, &f);
    if (f.spi_in == 0) {
        struct dp_event ev = { .kind = DPE_NO_SA_OUT, .forwarded = forwarded, .packet = inner };

        node_dp_event(h->node, host_now(h), &ev, &h->acts);
    } else if (dp_record_emit(h->dp, f.spi_in, 100, host_now(h).mono_ms, &p) == OK) {
        check_esp_sent(h->sim, h, &p);
        net_esp(h->sim, h, &p);
    }
    host_run(h);
}

static void client_event(struct host *h, const struct action *a)
{
    switch (a->event) {
    case EV_IKE_UP:
        h->ups++;
        h->own_spi = a->event_spi;
        break;
    case EV_IKE_DOWN:
        h->downs++;
        break;
    case EV_FAILED:
        h->failures++;
        break;
    case EV_CHILD_UP:
        h->was_up = true;
        break;
    default:
        break;
    }
    trace(h->sim, "client %d event %d %s", h->index, a->event, err_name(a->err));
}

static void carry_out(struct host *h, const struct action *a)
{
    const struct dataplane_ops *dp = h->dp->ops;

    switch (a->kind) {
    case ACT_SEND:
        check_send(h->sim, h, a);
        net_udp(h->sim, h, &a->local, &a->remote, a->data);
        break;
    case ACT_STORE:
        h->store->ops->submit(h->store, &a->op);
        break;
    case ACT_DP_INSTALL:
        dp->install(h->dp, a->child);
        break;
    case ACT_DP_EXTEND:
        dp->extend(h->dp, a->spi_in, a->seq_end);
        break;
    case ACT_DP_MOVE:
        dp->move(h->dp, a->spi_in, &a->local, &a->remote, a->encap);
        break;
    case ACT_DP_REMOVE:
        dp->remove(h->dp, a->spi_in);
        break;
    case ACT_DP_QUERY:
        dp->query(h->dp, a->spi_in);
        break;
    case ACT_DP_DEADLINE:
        dp->slot_deadline(h->dp, a->slot, a->deadline_ms);
        break;
    case ACT_DP_INPUT_ESP:
        esp_again(h, a);
        break;
    case ACT_DP_INPUT_INNER:
        host_inner_out(h, a->data, a->forwarded);
        break;
    case ACT_PEER_SEND:
        net_peer(h->sim, h, &a->remote, a->data);
        break;
    case ACT_VIP_ROUTE:
        break;
    case ACT_EVENT:
        if (h->client)
            client_event(h, a);
        break;
    }
}

/* Client stores answer at once; cluster stores through the queue. */
static bool poll_store(struct host *h)
{
    return h->client && h->store != NULL && store_memory_poll(h->store, host_now(h).mono_ms) > 0;
}

static void schedule_tick(struct host *h)
{
    uint64_t ms = node_next_deadline(h->node), at;
    struct event e = { .kind = EVT_TICK, .host = h->index };

    if (ms == UINT64_MAX)
        return;
    at = ms * 1000;
    if (at <= h->sim->now_us)
        at = h->sim->now_us + 1000;
    if (h->tick_us > h->sim->now_us && h->tick_us <= at)
        return;
    h->tick_us = at;
    queue_push(h->sim, e, at - h->sim->now_us);
}

void host_run(struct host *h)
{
    if (h->inside)
        return;
    h->inside = true;
    for (unsigned rounds = 0; rounds < 10000; rounds++) {
        bool idle = true;

        for (size_t i = 0; i < h->acts.n; i++) {
            struct action a = h->acts.v[i]; /* the list may grow and move meanwhile */

            carry_out(h, &a);
            idle = false;
        }
        actions_reset(&h->acts);
        for (size_t i = 0; i < h->n_dpq; i++) {
            struct dp_event ev = h->dpq[i];

            node_dp_event(h->node, host_now(h), &ev, &h->acts);
            idle = false;
        }
        h->n_dpq = 0;
        if (poll_store(h))
            idle = false;
        if (idle && h->acts.n == 0)
            break;
    }
    h->inside = false;
    schedule_tick(h);
}

void host_tick(struct host *h)
{
    h->tick_us = 0;
    if (!h->up || h->paused)
        return;
    dp_record_tick(h->dp, host_now(h).mono_ms);
    node_tick(h->node, host_now(h), &h->acts);
    host_run(h);
}
