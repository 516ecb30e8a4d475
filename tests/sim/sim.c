/* sim: one run from one seed. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/wire/ike_numbers.h"
#include "statesync/base/breaks.h"

void trace(struct sim *s, const char *fmt, ...)
{
    char line[256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    for (int i = 0; i < n && line[i] != '\0' && i < (int)sizeof line - 1; i++)
        s->trace = (s->trace ^ (uint8_t)line[i]) * 0x100000001b3u;
    s->trace ^= s->now_us;
    if (s->verbose)
        printf("%8.3f %s\n", (double)s->now_us / 1e6, line);
}

void violate(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->violation[0] != '\0')
        return;
    va_start(ap, fmt);
    vsnprintf(s->violation, sizeof s->violation, fmt, ap);
    va_end(ap);
    trace(s, "VIOLATION %s", s->violation);
}

void sim_loss(struct sim *s)
{
    s->owner_losses++;
    if (s->n_losses < 256)
        s->loss_us[s->n_losses++] = s->now_us;
}

/* Operations of one connection keep their order, as on one TCP connection. */
static void on_store_op(void *ctx, struct memop *op)
{
    struct sim *s = ctx;
    struct event e = { .kind = EVT_STORE_EXEC, .op = op };
    static uint64_t last[SIM_NODES + 1]; /* by node id; one run at a time */
    uint64_t at = s->now_us + 100 + rng_below(&s->rng, 400);
    uint16_t n = memop_node(op);

    e.host = n <= SIM_NODES ? n : 0;
    if (at <= last[e.host] && last[e.host] < s->now_us + 1000000)
        at = last[e.host] + 1;
    last[e.host] = at;
    queue_push(s, e, at - s->now_us);
}

static void store_exec(struct sim *s, struct event *e)
{
    struct event reply = { .kind = EVT_STORE_REPLY, .host = e->host, .op = e->op };
    bool lose = rng_permille(&s->rng, s->store_lose_permille);
    struct store_row before = memstore_row(s->store, memop_request(e->op)->slot);

    /* A lost operation may still have been executed, or be executed later, or never. */
    if (!lose || rng_below(&s->rng, 2) == 0) {
        memop_execute(e->op, s->now_us / 1000);
        check_commit(s, e->op, &before);
    }
    reply.esp.seq = lose;
    e->op = NULL;
    queue_push(s, reply, lose ? 500000 : 100 + rng_below(&s->rng, 400));
}

static void store_reply(struct sim *s, struct event *e)
{
    if (s->hosts[e->host - 1].paused) { /* its process reads nothing now */
        struct event later = *e;

        e->op = NULL;
        queue_push(s, later, 50000);
        return;
    }
    if (e->esp.seq != 0) {
        if (!memop_executed(e->op) && rng_below(&s->rng, 2) == 0) {
            memop_lose(e->op);
            struct store_row before = memstore_row(s->store, memop_request(e->op)->slot);

            memop_execute(e->op, s->now_us / 1000); /* lands after all */
            check_commit(s, e->op, &before);
            return;
        }
        memop_lose(e->op);
        return;
    }
    memop_reply(e->op);
}

static void dispatch(struct sim *s, struct event *e)
{
    switch (e->kind) {
    case EVT_UDP:
    case EVT_ESP:
    case EVT_PEER:
        net_deliver(s, e);
        break;
    case EVT_STORE_EXEC:
        store_exec(s, e);
        break;
    case EVT_STORE_REPLY:
        store_reply(s, e);
        break;
    case EVT_TICK:
        if (s->hosts[e->host].tick_us == e->at_us)
            host_tick(&s->hosts[e->host]);
        break;
    case EVT_SCRIPT:
        script_step(s, e);
        break;
    case EVT_INNER:
        break;
    }
}

static void text_id(struct policy_id *id, const char *name)
{
    id->type = ID_FQDN;
    if (bytes_copy(span_str(name), &id->data) != OK)
        abort();
}

static void common_conn(struct policy_conn *c)
{
    snprintf(c->name, sizeof c->name, "cluster");
    c->suites[0] = (struct ike_suite){ ENCR_AES_GCM_16, 128, 0, PRF_HMAC_SHA2_256, DH_CURVE25519 };
    c->n_suites = 1;
    c->local_auth = c->remote_auth = AUTH_PSK;
    if (bytes_copy(span_str("simulated pre-shared key"), &c->psk) != OK)
        abort();
    c->rekey_s = 14400;
    c->life_s = 15000;
    c->dpd_s = 8;
    c->fragmentation = true;
    c->fragment_size = 1280;
    c->n_children = 1;
    snprintf(c->children[0].name, sizeof c->children[0].name, "net");
    c->children[0].suites[0] = (struct esp_suite){ ENCR_AES_GCM_16, 128, 0, DH_CURVE25519, true };
    c->children[0].n_suites = 1;
    c->children[0].rekey_s = 3600;
    c->children[0].life_s = 4000;
    c->children[0].replay_window = 64;
}

static struct ts net_ts(void)
{
    struct ts t = { 0, 0, 65535, { 4, { 10, 1, 0, 0 } }, { 4, { 10, 1, 255, 255 } } };

    return t;
}

static void timing(struct policy *p)
{
    p->retransmit_ms = 500;
    p->retransmit_tries = 9;
    p->half_open_ms = 30000;
    p->reply_keep_ms = 60000;
    p->cookie_threshold = 1000;
    p->half_open_per_prefix = 100;
    p->keepalive_s = 20;
    p->outage_s = 600;
    p->rekey_pace_per_s = 20;
}

static void make_policies(struct sim *s)
{
    struct policy_conn *c;

    timing(&s->server_policy);
    timing(&s->client_policy);
    s->server_policy.conns = calloc(1, sizeof *c);
    s->client_policy.conns = calloc(1, sizeof *c);
    if (s->server_policy.conns == NULL || s->client_policy.conns == NULL)
        abort();
    s->server_policy.n_conns = s->client_policy.n_conns = 1;
    c = s->server_policy.conns;
    common_conn(c);
    c->local = (struct endpoint){ { 4, { 192, 0, 2, 1 } }, 500 };
    text_id(&c->local_id, "gw.sim");
    c->n_pools = 1;
    snprintf(c->pools[0].name, sizeof c->pools[0].name, "pool");
    c->pools[0].prefix =
        (struct ip_prefix){ { 4, { 10, 77, 0, 0 } }, rng_below(&s->rng, 3) == 0 ? 28 : 24 };
    c->children[0].local_ts[0] = net_ts();
    c->children[0].n_local = 1;
    c->children[0].remote_dynamic = true;
    c = s->client_policy.conns;
    common_conn(c);
    c->remote = (struct endpoint){ { 4, { 192, 0, 2, 1 } }, 500 };
    text_id(&c->remote_id, "gw.sim");
    c->request_vip4 = true;
    c->children[0].remote_ts[0] = net_ts();
    c->children[0].n_remote = 1;
    c->children[0].local_dynamic = true;
}

static void make_hosts(struct sim *s)
{
    struct incarnation first = { { 1 } };
    struct memstore_breaks mb = { (s->breaks >> BREAK_IGNORE_TOKEN & 1) != 0,
                                  (s->breaks >> BREAK_CLAIM_WITHOUT_CAS & 1) != 0 };

    if (memstore_new(&first, &s->store) != OK)
        abort();
    memstore_set_breaks(s->store, &mb);
    memstore_set_schedule(s->store, on_store_op, s);
    for (int i = 0; i < s->n_nodes + s->n_clients; i++) {
        struct host *h = &s->hosts[i];

        h->sim = s;
        h->index = i;
        h->client = i >= s->n_nodes;
        h->node_id = (uint16_t)(i + 1);
        h->nat_port = (uint16_t)(20000 + 100 * i);
    }
    for (int i = 0; i < s->n_nodes + s->n_clients; i++)
        host_start(s, &s->hosts[i]);
    net_reroute(s, true);
}

void sim_run(const struct sim_options *o, struct sim_result *ret)
{
    struct sim *s = calloc(1, sizeof *s);
    struct event e;

    if (s == NULL)
        abort();
    *ret = (struct sim_result){ 0 };
    s->seed = o->seed;
    s->breaks = o->breaks;
    s->verbose = o->verbose;
    s->trace = 0xcbf29ce484222325u;
    rng_seed(&s->rng, o->seed);
    rng_take_openssl(&s->rng);
    s->n_nodes = 2 + (int)rng_below(&s->rng, 3);
    s->n_clients = 1 + (int)rng_below(&s->rng, SIM_CLIENTS);
    s->loss_permille = rng_below(&s->rng, 3) == 0 ? (unsigned)rng_below(&s->rng, 150) : 0;
    s->dup_permille = rng_below(&s->rng, 3) == 0 ? (unsigned)rng_below(&s->rng, 100) : 0;
    s->jitter_us = rng_below(&s->rng, 2) == 0 ? (unsigned)rng_below(&s->rng, 60000) : 0;
    s->checks = checks_new();
    make_policies(s);
    make_hosts(s);
    script_plan(s);
    while (s->violation[0] == '\0' && queue_pop(s, &e)) {
        s->now_us = e.at_us;
        if (s->now_us > s->faults_end_us)
            s->loss_permille = s->dup_permille = s->store_lose_permille = 0;
        if (s->now_us <= s->end_us)
            dispatch(s, &e);
        event_done(&e);
        ret->events++;
        if (s->now_us > s->end_us)
            break;
    }
    if (s->violation[0] == '\0')
        check_end(s);
    ret->violated = s->violation[0] != '\0';
    memcpy(ret->violation, s->violation, sizeof ret->violation);
    ret->trace = s->trace;
    ret->exchanges = s->exchanges;
    ret->packets = s->packets;
    ret->kills = s->kills;
    for (int i = s->n_nodes; i < s->n_nodes + s->n_clients; i++)
        ret->established += s->hosts[i].ups;
    for (int i = 0; i < s->n_nodes + s->n_clients; i++)
        host_done(&s->hosts[i]);
    while (queue_pop(s, &e))
        event_done(&e);
    free(s->heap);
    memstore_free(s->snapshot);
    memstore_free(s->store);
    policy_done(&s->server_policy);
    policy_done(&s->client_policy);
    checks_free(s->checks);
    free(s);
}
