/* host: the shipped node with real sockets, a memory store and a data plane that moves no bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tests/load/load.h"

enum { SLOTS = 64, RECV_MSGS = 32, ROUNDS = 10000, PORT_IKE = 500, PORT_NAT = 4500 };

static uint64_t clock_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t host_now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

struct now host_now(void)
{
    return (struct now){ clock_us(CLOCK_MONOTONIC) / 1000, clock_us(CLOCK_REALTIME) / 1000 };
}

static void host_log(void *ctx, enum log_level level, const char *event,
                     const struct log_field *fields)
{
    char line[1024];
    size_t n = log_format_json(line, sizeof line, host_now().wall_ms, level, event, fields);

    (void)ctx;
    fwrite(line, 1, n, stderr);
}

static void on_dp_event(void *ctx, const struct dp_event *ev)
{
    struct load_host *h = ctx;

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
    struct load_host *h = ctx;

    node_store_result(h->node, host_now(), r, &h->acts);
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct load_host *h = ctx;

    node_store_state(h->node, host_now(), st, &h->acts);
}

static void send_ike(struct load_host *h, const struct action *a)
{
    static const uint8_t marker[4];
    const struct udp_sock *s = a->encap ? &h->sock4500 : &h->sock500;

    /* A datagram that does not leave is a lost one: the engine sends it again. */
    if (udp_send_one(s, &a->local, &a->remote, a->encap ? span_of(marker, 4) : SPAN_NONE,
                     a->data) != OK &&
        errno != EAGAIN && errno != ECONNREFUSED)
        perror("ike-load: send");
}

static void carry_out(struct load_host *h, const struct action *a)
{
    const struct dataplane_ops *dp = h->dp->ops;

    switch (a->kind) {
    case ACT_SEND:
        send_ike(h, a);
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
    case ACT_EVENT:
        if (h->on_event != NULL)
            h->on_event(h->ctx, a);
        break;
    case ACT_DP_INPUT_ESP: /* no packets, no neighbours, no routes */
    case ACT_DP_INPUT_INNER:
    case ACT_PEER_SEND:
    case ACT_VIP_ROUTE:
        break;
    }
}

void host_run(struct load_host *h)
{
    if (h->running)
        return;
    h->running = true;
    for (unsigned rounds = 0; rounds < ROUNDS; rounds++) {
        bool idle = h->acts.n == 0 && h->n_dpq == 0;

        for (size_t i = 0; i < h->acts.n; i++) {
            struct action a = h->acts.v[i]; /* the list may grow and move meanwhile */

            carry_out(h, &a);
        }
        actions_reset(&h->acts);
        for (size_t i = 0; i < h->n_dpq; i++) {
            struct dp_event ev = h->dpq[i];

            node_dp_event(h->node, host_now(), &ev, &h->acts);
        }
        h->n_dpq = 0;
        if (store_memory_poll(h->store, host_now().mono_ms) == 0 && idle)
            break;
    }
    h->running = false;
}

static void receive(struct load_host *h, const struct udp_sock *s)
{
    struct udp_packet *p;
    size_t n = udp_recv_batch(h->recv, s, &p);

    for (size_t i = 0; i < n; i++) {
        struct span ike = span_of(p[i].data, p[i].len);

        /* RFC 3948 2.2: on port 4500 IKE stands behind four zero octets; the rest is ESP or a
         * keepalive, of which nothing is expected here. */
        if (s->port == PORT_NAT) {
            if (ike.len < 4 || (ike.p[0] | ike.p[1] | ike.p[2] | ike.p[3]) != 0)
                continue;
            ike = span_of(ike.p + 4, ike.len - 4);
        }
        p[i].local.addr = h->local;
        node_packet(h->node, host_now(), &p[i].local, &p[i].remote, ike, &h->acts);
    }
    host_run(h);
}

void host_wait(struct load_host *h, int most_ms)
{
    struct epoll_event ev[2];
    uint64_t due = node_next_deadline(h->node), now = host_now().mono_ms;
    int wait = due <= now ? 0 : due - now < (uint64_t)most_ms ? (int)(due - now) : most_ms;
    int n = epoll_wait(h->epoll, ev, 2, wait);

    for (int i = 0; i < n; i++)
        receive(h, ev[i].data.ptr);
    if (node_next_deadline(h->node) <= host_now().mono_ms) {
        node_tick(h->node, host_now(), &h->acts);
        host_run(h);
    }
}

static bool open_socket(struct load_host *h, uint16_t port, struct udp_sock *s)
{
    struct endpoint at = { h->local, port };
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };
    char text[ENDPOINT_TEXT_MAX];

    if (udp_sock_open(&at, false, s) != OK) {
        fprintf(stderr, "ike-load: %s: %s\n", endpoint_text(&at, text), strerror(errno));
        return false;
    }
    return epoll_ctl(h->epoll, EPOLL_CTL_ADD, s->fd, &ev) == 0;
}

static bool start_node(struct load_host *h)
{
    struct incarnation first;
    uint8_t key[32];
    struct node_config cfg = { .env = &h->env,
                               .policy = h->policy,
                               .pop = 1,
                               .node = 1,
                               .boot = (uint32_t)(host_now().wall_ms / 1000),
                               .slots = SLOTS,
                               .heartbeat_ms = 50,
                               .suspect_missed = 3,
                               .deadline_ms = 3000,
                               .lease_ms = 5000,
                               .holddown_ms = 1000 };

    env_os_random(NULL, (uint8_t *)&first, sizeof first);
    env_os_random(NULL, key, sizeof key);
    cfg.cluster_key = span_of(key, sizeof key);
    if (keyring_new(&h->keyring) != OK ||
        keyring_add(h->keyring, 1, KEY_ACTIVE, cfg.cluster_key) != OK ||
        memstore_new(&first, &h->data) != OK)
        return false;
    cfg.keyring = h->keyring;
    h->store = memstore_connect(h->data, 1);
    h->dp = dp_record_new(on_dp_event, h);
    if (h->store == NULL || h->dp == NULL || node_new(&cfg, &h->node) != OK)
        return false;
    h->store->on_result = on_result;
    h->store->on_state = on_state;
    h->store->ctx = h;
    node_start(h->node, host_now(), &h->acts);
    host_run(h);
    for (uint64_t end = host_now().mono_ms + 10000;
         !node_ready(h->node) && host_now().mono_ms < end;)
        host_wait(h, 20);
    return node_ready(h->node);
}

bool host_open(struct load_host *h, const struct load_options *o, struct policy *p)
{
    *h = (struct load_host){ .policy = p,
                             .local = o->local,
                             .sock500.fd = -1,
                             .sock4500.fd = -1,
                             .epoll = epoll_create1(EPOLL_CLOEXEC) };
    h->env = (struct env){ .random = env_os_random,
                           .log = o->verbose ? host_log : NULL,
                           .log_level = LOG_DEBUG };
    h->recv = udp_recv_new(RECV_MSGS);
    if (h->epoll < 0 || h->recv == NULL || !open_socket(h, PORT_IKE, &h->sock500) ||
        !open_socket(h, PORT_NAT, &h->sock4500))
        return false;
    if (start_node(h))
        return true;
    fprintf(stderr, "ike-load: the initiator's node does not start\n");
    return false;
}

void host_close(struct load_host *h)
{
    if (h->store != NULL)
        h->store->ops->free(h->store);
    h->node = node_free(h->node);
    h->dp = dp_record_free(h->dp);
    h->keyring = keyring_free(h->keyring);
    if (h->data != NULL)
        h->data = memstore_free(h->data);
    actions_free(&h->acts);
    free(h->dpq);
    udp_sock_close(&h->sock500);
    udp_sock_close(&h->sock4500);
    h->recv = udp_recv_free(h->recv);
    if (h->epoll >= 0)
        close(h->epoll);
}
