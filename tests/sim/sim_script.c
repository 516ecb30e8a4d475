/* sim_script: what clients do, what goes wrong, and when it stops. All drawn from the seed. */
#include "tests/sim/sim.h"

#include <stdlib.h>

enum script_kind {
    SC_CONNECT, /* client a connects (again, if it has nothing) */
    SC_TRAFFIC, /* client a and the inside exchange packets; repeats itself */
    SC_REKEY_CHILD,
    SC_REKEY_IKE,
    SC_DELETE,     /* client a ends its session on purpose, connects again later */
    SC_NODE_REKEY, /* a node starts a rekey of some session of its own */
    SC_KILL,
    SC_RESTART,
    SC_PAUSE,
    SC_RESUME,
    SC_DRAIN,
    SC_CUT,
    SC_HEAL,
    SC_STORE_SLOW,
    SC_STORE_GOOD,
    SC_STORE_DOWN,
    SC_STORE_UP,
    SC_SNAPSHOT,
    SC_ROLLBACK, /* failover to the snapshot: acknowledged writes are lost */
    SC_FAILOVER, /* failover without loss */
    SC_NAT,      /* client a's NAT forgets it */
    SC_REHASH,
    SC_BURST,  /* many packets at once out of some session of node a */
    SC_REPLAY, /* somebody sends an old packet of a client again; repeats itself */
    SC_CHECK
};

static void plan(struct sim *s, uint64_t at_us, enum script_kind kind, int a)
{
    struct event e = { .kind = EVT_SCRIPT, .host = (int)kind };

    e.esp.seq = (uint64_t)a;
    queue_push(s, e, at_us > s->now_us ? at_us - s->now_us : 0);
}

static uint64_t sec(double s)
{
    return (uint64_t)(s * 1e6);
}

static uint64_t when(struct sim *s, double from, double to)
{
    return sec(from) + rng_below(&s->rng, sec(to) - sec(from));
}

static void plan_fault(struct sim *s, uint64_t at)
{
    int n = (int)rng_below(&s->rng, (uint64_t)s->n_nodes);
    uint64_t len = when(s, 0.2, 6);

    switch (rng_below(&s->rng, 10)) {
    case 0:
    case 1:
    case 2:
        plan(s, at, SC_KILL, n);
        plan(s, at + len, SC_RESTART, n);
        break;
    case 3:
        plan(s, at, SC_PAUSE, n);
        plan(s, at + len, SC_RESUME, n);
        break;
    case 4:
        plan(s, at, SC_CUT, n);
        plan(s, at + len, SC_HEAL, n);
        break;
    case 5:
        plan(s, at, SC_STORE_SLOW, 0);
        plan(s, at + len, SC_STORE_GOOD, 0);
        break;
    case 6:
        plan(s, at, SC_NAT, (int)rng_below(&s->rng, (uint64_t)s->n_clients));
        plan(s, at + len / 2, SC_REHASH, 0);
        break;
    case 7:
        plan(s, at, SC_DRAIN, n);
        plan(s, at + len + sec(2), SC_KILL, n);
        plan(s, at + len + sec(3), SC_RESTART, n);
        break;
    case 8:
        if (rng_below(&s->rng, 2) == 0) {
            plan(s, at, SC_STORE_DOWN, 0);
            plan(s, at + len, SC_STORE_UP, 0);
        } else {
            plan(s, at, SC_FAILOVER, 0);
        }
        break;
    case 9:
        plan(s, at, SC_SNAPSHOT, 0);
        /* Numbers beyond the reservation that the snapshot knows: several bursts, because a block
         * is only extended between them. */
        if (rng_below(&s->rng, 2) == 0)
            for (int i = 0; i < 4 * s->n_nodes; i++)
                plan(s, at + len / 64 * (uint64_t)(1 + i / s->n_nodes), SC_BURST, i % s->n_nodes);
        if (rng_below(&s->rng, 3) == 0)
            plan(s, at + len / 8, SC_KILL, n);
        plan(s, at + len / 8 + 1000, SC_ROLLBACK, 0);
        plan(s, at + len + sec(1), SC_RESTART, n);
        break;
    default:
        break;
    }
}

void script_plan(struct sim *s)
{
    unsigned faults = (unsigned)rng_below(&s->rng, 6);

    s->faults_end_us = sec(35);
    s->end_us = sec(75);
    for (int c = 0; c < s->n_clients; c++) {
        unsigned acts = (unsigned)rng_below(&s->rng, 6);

        plan(s, when(s, 1.5, 20), SC_CONNECT, c);
        plan(s, when(s, 2, 3), SC_TRAFFIC, c);
        for (unsigned i = 0; i < acts; i++) {
            static const enum script_kind kinds[] = {
                SC_REKEY_CHILD, SC_REKEY_IKE, SC_NODE_REKEY, SC_DELETE, SC_REKEY_CHILD, SC_REKEY_IKE
            };

            plan(s, when(s, 3, 34), kinds[rng_below(&s->rng, 6)], c);
        }
    }
    for (unsigned i = 0; i < faults; i++)
        plan_fault(s, when(s, 3, 28));
    plan(s, sec(1), SC_CHECK, 0);
    plan(s, sec(4), SC_REPLAY, 0);
    if (rng_below(&s->rng, 4) == 0)
        plan(s, when(s, 5, 30), SC_BURST, (int)rng_below(&s->rng, (uint64_t)s->n_nodes));
}

static void kill_node(struct sim *s, int n)
{
    struct host *h = &s->hosts[n];
    int up = 0;

    for (int i = 0; i < s->n_nodes; i++)
        up += s->hosts[i].up && !s->hosts[i].paused;
    if (!h->up || up < 2)
        return;
    sim_loss(s);
    s->kills++;
    host_kill(s, h);
    /* The routers notice a little later. */
    plan(s, s->now_us + sec(0.05), SC_REHASH, 1);
}

static void connect_client(struct sim *s, int c)
{
    struct host *h = &s->hosts[s->n_nodes + c];
    struct engine *e = node_engine(h->node);

    h->wanted = true;
    if (e == NULL)
        return;
    if (engine_stats(e)->sessions > 0) {
        /* A Delete of its own may still be under way: look again, while there is time to judge. */
        if (s->now_us < sec(60))
            plan(s, s->now_us + sec(1), SC_CONNECT, c);
        return;
    }
    engine_initiate(e, host_now(h), "cluster", 1, &h->acts);
    host_run(h);
}

struct pick {
    uint64_t spi;
    uint32_t child;
    unsigned n;
    struct rng *rng;
    struct ip_addr vip;
};

static bool pick_session(void *ctx, const struct session_record *r)
{
    struct pick *p = ctx;

    if (r->state != SS_ESTABLISHED || r->n_children == 0)
        return true;
    if (rng_below(p->rng, ++p->n) == 0) {
        p->spi = session_own_spi(r);
        p->child = r->children[r->n_children - 1].spi_in;
        p->vip = r->vips[0];
    }
    return true;
}

static void act_on_session(struct sim *s, struct host *h, enum script_kind kind)
{
    struct pick p = { .rng = &s->rng };

    if (!h->up || h->paused || node_engine(h->node) == NULL)
        return;
    engine_each_session(node_engine(h->node), pick_session, &p);
    if (p.spi == 0)
        return;
    s->exchanges++;
    if (kind == SC_DELETE) {
        h->wanted = false;
        engine_terminate(node_engine(h->node), host_now(h), TERMINATE_IKE, "cluster", p.spi, 0, 2,
                         &h->acts);
    } else if (kind == SC_REKEY_IKE) {
        engine_rekey(node_engine(h->node), host_now(h), p.spi, 0, 3, &h->acts);
    } else {
        engine_rekey(node_engine(h->node), host_now(h), p.spi, p.child, 4, &h->acts);
    }
    host_run(h);
}

/* One packet up, one down: the inside hands the answer to any living node. */
static void traffic(struct sim *s, int c)
{
    struct host *h = &s->hosts[s->n_nodes + c];
    struct pick p = { .rng = &s->rng };
    struct dp_packet out;
    uint8_t inner[20] = { 0x45 };
    struct host *node = &s->hosts[rng_below(&s->rng, (uint64_t)s->n_nodes)];

    plan(s, s->now_us + when(s, 0.02, s->now_us < s->faults_end_us ? 0.3 : 1.0), SC_TRAFFIC, c);
    engine_each_session(node_engine(h->node), pick_session, &p);
    if (p.spi == 0)
        return;
    if (dp_record_emit(h->dp, p.child, 100, host_now(h).mono_ms, &out) == OK) {
        check_esp_sent(s, h, &out);
        net_esp(s, h, &out);
        s->packets++;
    }
    host_run(h);
    if (!node->up || node->paused || p.vip.family != 4)
        return;
    for (int i = 0; i < 4; i++)
        inner[16 + i] = p.vip.ip[i];
    host_inner_out(node, span_of(inner, sizeof inner), false);
}

/* Enough numbers to use a block up within one instant: whatever is not reserved yet must stay
 * unused. */
static void burst(struct sim *s, struct host *h)
{
    struct pick p = { .rng = &s->rng };
    struct dp_packet out;

    if (!h->up || h->paused || node_engine(h->node) == NULL)
        return;
    engine_each_session(node_engine(h->node), pick_session, &p);
    for (unsigned i = 0; p.child != 0 && i < 80000; i++) {
        if (dp_record_emit(h->dp, p.child, 100, host_now(h).mono_ms, &out) != OK)
            break;
        check_esp_sent(s, h, &out);
        if (i % 4096 == 0)
            host_run(h);
    }
    host_run(h);
}

static void replay_old(struct sim *s)
{
    struct dp_packet p;
    struct host *h = &s->hosts[rng_below(&s->rng, (uint64_t)s->n_nodes)];

    plan(s, s->now_us + when(s, 0.2, 1), SC_REPLAY, 0);
    if (h->up && !h->paused && checks_captured(s, &p))
        host_esp_in(h, &p, false);
}

static void tell_all(struct sim *s)
{
    for (int i = 0; i < s->n_nodes; i++)
        if (s->hosts[i].up && !s->hosts[i].paused)
            memstore_tell(s->hosts[i].store);
}

static struct incarnation fresh(struct sim *s)
{
    struct incarnation inc;

    for (size_t i = 0; i < sizeof inc.id; i++)
        inc.id[i] = (uint8_t)rng_next(&s->rng);
    return inc;
}

static void store_fault(struct sim *s, enum script_kind kind)
{
    struct incarnation inc;

    switch (kind) {
    case SC_STORE_DOWN:
    case SC_STORE_UP:
        memstore_set_down(s->store, kind == SC_STORE_DOWN);
        break;
    case SC_SNAPSHOT:
        s->snapshot = memstore_free(s->snapshot);
        s->snapshot = memstore_snapshot(s->store);
        return;
    case SC_ROLLBACK:
        if (s->snapshot == NULL)
            return;
        inc = fresh(s);
        s->store_lost_writes = true;
        if (memstore_rollback(s->store, s->snapshot, &inc) != OK)
            abort();
        break;
    default:
        inc = fresh(s);
        memstore_failover(s->store, &inc);
        break;
    }
    sim_loss(s);
    trace(s, "store fault %d", kind);
    tell_all(s);
}

void script_step(struct sim *s, const struct event *e)
{
    int a = (int)e->esp.seq;
    enum script_kind kind = (enum script_kind)e->host;
    struct host *client = a < s->n_clients ? &s->hosts[s->n_nodes + a] : NULL;
    struct host *node = a < s->n_nodes ? &s->hosts[a] : NULL;

    if (kind != SC_TRAFFIC && kind != SC_CHECK && kind != SC_REPLAY)
        trace(s, "script %d on %d", kind, a);
    switch (kind) {
    case SC_CONNECT:
        connect_client(s, a);
        break;
    case SC_TRAFFIC:
        traffic(s, a);
        break;
    case SC_REKEY_CHILD:
    case SC_REKEY_IKE:
        act_on_session(s, client, kind);
        break;
    case SC_DELETE:
        act_on_session(s, client, kind);
        plan(s, s->now_us + when(s, 3, 6), SC_CONNECT, a);
        break;
    case SC_NODE_REKEY:
        act_on_session(s, &s->hosts[rng_below(&s->rng, (uint64_t)s->n_nodes)],
                       rng_below(&s->rng, 2) ? SC_REKEY_IKE : SC_REKEY_CHILD);
        break;
    case SC_KILL:
        kill_node(s, a);
        break;
    case SC_RESTART:
        if (!node->up)
            host_start(s, node);
        break;
    case SC_PAUSE:
        node->paused = true;
        sim_loss(s);
        break;
    case SC_RESUME:
        node->paused = false;
        if (node->up) {
            memstore_tell(node->store);
            host_tick(node);
        }
        break;
    case SC_DRAIN:
        if (node->up && !node->paused) {
            node_drain(node->node, host_now(node), 9, &node->acts);
            host_run(node);
        }
        break;
    case SC_CUT:
    case SC_HEAL:
        for (int i = 0; i < s->n_nodes; i++)
            if (i != a)
                s->cut[a][i] = s->cut[i][a] = kind == SC_CUT;
        sim_loss(s);
        break;
    case SC_STORE_SLOW:
        sim_loss(s);
        s->store_lose_permille = 100;
        break;
    case SC_STORE_GOOD:
        s->store_lose_permille = 0;
        break;
    case SC_STORE_DOWN:
    case SC_STORE_UP:
    case SC_SNAPSHOT:
    case SC_ROLLBACK:
    case SC_FAILOVER:
        store_fault(s, kind);
        break;
    case SC_NAT:
        client->nat_port = (uint16_t)(client->nat_port + 2);
        break;
    case SC_REHASH:
        net_reroute(s, a == 0);
        break;
    case SC_BURST:
        burst(s, node);
        break;
    case SC_REPLAY:
        replay_old(s);
        break;
    case SC_CHECK:
        net_reroute(s, false); /* routers follow what is announced */
        check_event(s);
        plan(s, s->now_us + sec(0.1), SC_CHECK, 0);
        break;
    }
}
