/* pair: what is around the two engines: randomness, store, data plane, the watching of what leaves;
 * set up, and the death of nodes. What tests do and look at is pair_do.c. */
#include "tests/exchange/pair.h"

#include <stdio.h>
#include <stdlib.h>

#include "statesync/base/rd.h"
#include "tests/exchange/certs.h"
#include "tests/exchange/pair_inner.h"

static const uint64_t wall_base_ms = PAIR_WALL_S * 1000u;

struct now now_of(const struct pair *p)
{
    return (struct now){ p->now_ms, wall_base_ms + p->now_ms };
}

/* ---- the world of one side ---- */

static void side_random(void *ctx, uint8_t *out, size_t len)
{
    struct side *s = ctx;

    for (size_t i = 0; i < len; i++) { /* xorshift64* */
        s->random ^= s->random >> 12;
        s->random ^= s->random << 25;
        s->random ^= s->random >> 27;
        out[i] = (uint8_t)(s->random * 0x2545f4914f6cdd1du >> 56);
    }
}

static void side_log(void *ctx, enum log_level level, const char *event,
                     const struct log_field *fields)
{
    const struct side *s = ctx;
    char line[1024];
    size_t n = log_format_json(line, sizeof line, now_of(s->pair).wall_ms, level, event, fields);

    printf("%c %.*s", s->name, (int)n, line);
}

static void on_dp_event(void *ctx, const struct dp_event *ev)
{
    struct side *s = ctx;

    if (s->n_events == s->cap_events) {
        s->cap_events = s->cap_events * 2 + 16;
        s->events = realloc(s->events, s->cap_events * sizeof *s->events);
        if (s->events == NULL)
            abort();
    }
    s->events[s->n_events] = *ev;
    s->events[s->n_events++].packet = SPAN_NONE;
}

static void on_result(void *ctx, const struct store_result *r)
{
    struct side *s = ctx;

    if (r->ticket == UINT64_MAX) {
        s->setup_err = r->err;
        if (r->kind == STORE_CLAIM && r->err == OK)
            s->incarnation = r->incarnation;
        return;
    }
    engine_store_result(s->engine, now_of(s->pair), r, &s->acts);
}

static void on_state(void *ctx, const struct store_state *st)
{
    (void)ctx;
    (void)st;
}

/* Answered later, by side_run or by the test: never from within submit. */
static void on_op(void *ctx, struct memop *op)
{
    struct side *s = ctx;

    if (memop_request(op)->ticket == UINT64_MAX) {
        s->setup = op;
        return;
    }
    cr_assert_lt(s->n_held, STORE_HELD);
    s->held[s->n_held++] = op;
}

static void connect_store(struct side *s)
{
    s->store = memstore_connect(s->memory, s->node);
    if (s->store == NULL)
        abort();
    s->store->on_result = on_result;
    s->store->on_state = on_state;
    s->store->ctx = s;
    memstore_tell(s->store);
}

static void claim(struct side *s, const struct token *expect)
{
    struct store_op op = { .kind = STORE_CLAIM,
                           .ticket = UINT64_MAX,
                           .slot = PAIR_SLOT,
                           .token = s->token,
                           .expect_token = *expect };

    s->setup_err = E_IO;
    s->store->ops->submit(s->store, &op);
    memop_execute(s->setup, s->pair->now_ms);
    memop_reply(s->setup);
    memop_free(s->setup);
    s->setup = NULL;
    cr_assert_eq(s->setup_err, OK);
}

static void new_engine(struct side *s)
{
    static const uint8_t cluster_key[32] = { 3, 1, 4 };
    struct engine_config cfg = { .env = &s->env,
                                 .policy = &s->policy,
                                 .keyring = s->keyring,
                                 .pop = s->pop,
                                 .node = s->node,
                                 .boot = s->boot,
                                 .cluster_key = span_of(cluster_key, sizeof cluster_key),
                                 .slots = s->slots };

    s->dp = dp_record_new(on_dp_event, s);
    if (s->dp == NULL || engine_new(&cfg, &s->engine) != OK)
        abort();
    s->dp->ops->slot_deadline(s->dp, PAIR_SLOT, UINT64_MAX);
}

struct entries {
    struct store_entry v[64];
    size_t n;
};

static bool add_entry(void *ctx, const struct store_entry *e)
{
    struct entries *l = ctx;

    cr_assert_lt(l->n, 64);
    l->v[l->n++] = *e;
    return true;
}

static void open_slot(struct side *s, bool takeover, bool suspect)
{
    struct slot_open so = { .slot = PAIR_SLOT,
                            .token = s->token,
                            .incarnation = s->incarnation,
                            .takeover = takeover,
                            .suspect = suspect };
    struct entries l = { .n = 0 };

    memstore_each(s->memory, PAIR_SLOT, add_entry, &l);
    engine_slot_open(s->engine, now_of(s->pair), &so);
    engine_slot_records(s->engine, now_of(s->pair), PAIR_SLOT, l.v, l.n, &s->acts);
    s->running = true;
    side_run(s);
}

/* ---- invariants on what leaves ---- */

static uint64_t fnv(struct span s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.p[i]) * 0x100000001b3u;
    return h;
}

/* What must not vary: SPIs, exchange, flags, message ID, and of a fragment its number. */
static void watch(struct side *s, struct span m)
{
    struct pair *p = s->pair;
    struct sent *n = &p->sent[p->n_sent];

    if (m.len < 28 || m.p[18] == EX_IKE_SA_INIT)
        return;
    *n = (struct sent){ .hash = fnv(m) };
    memcpy(n->id, m.p, 24);
    if (m.p[16] == PL_SKF && m.len >= 36)
        memcpy(n->id + 24, m.p + 32, 4);
    if (m.len >= 44)
        memcpy(n->iv, m.p + (m.p[16] == PL_SKF ? 36 : 32), 8);
    for (size_t i = 0; i < p->n_sent; i++)
        cr_assert(memcmp(p->sent[i].id, n->id, 16) != 0 || /* SPIs: the key */
                      ((p->sent[i].id[19] ^ n->id[19]) & 8) != 0 ||
                      memcmp(p->sent[i].iv, n->iv, 8) != 0 || p->sent[i].hash == n->hash,
                  "%c: one IV for two messages: INV-NONCE", s->name);
    for (size_t i = 0; i < p->n_sent; i++)
        if (memcmp(p->sent[i].id, n->id, sizeof n->id) == 0) {
            cr_assert_eq(p->sent[i].hash, n->hash,
                         "%c: two contents for one message (exchange %u, id %u): INV-MID", s->name,
                         m.p[18], msg_id(m));
            return;
        }
    cr_assert_lt(++p->n_sent, SENT_MAX);
}

/* ---- actions ---- */

static void send_out(struct side *s, const struct action *a)
{
    struct queue *q = &s->pair->q[s == &s->pair->a ? A_TO_B : B_TO_A];

    s->sent++;
    watch(s, a->data);
    cr_assert_lt(q->n, QUEUE_MAX);
    q->v[q->n] = (struct carried){ .from = a->local, .to = a->remote };
    if (bytes_copy(a->data, &q->v[q->n].data) != OK)
        abort();
    q->n++;
}

static void count_event(struct side *s, const struct action *a)
{
    s->ups += a->event == EV_IKE_UP;
    s->downs += a->event == EV_IKE_DOWN;
    s->child_ups += a->event == EV_CHILD_UP;
    s->child_downs += a->event == EV_CHILD_DOWN;
    s->failed += a->event == EV_FAILED;
    if (a->err != OK)
        s->last_err = a->err;
}

static void carry_out(struct side *s, const struct action *a)
{
    const struct dataplane_ops *dp = s->dp->ops;

    switch (a->kind) {
    case ACT_SEND:
        send_out(s, a);
        break;
    case ACT_STORE:
        s->store->ops->submit(s->store, &a->op);
        break;
    case ACT_DP_INSTALL:
        s->installs++;
        dp->install(s->dp, a->child);
        break;
    case ACT_DP_EXTEND:
        dp->extend(s->dp, a->spi_in, a->seq_end);
        break;
    case ACT_DP_MOVE:
        dp->move(s->dp, a->spi_in, &a->local, &a->remote, a->encap);
        break;
    case ACT_DP_REMOVE:
        dp->remove(s->dp, a->spi_in);
        break;
    case ACT_DP_QUERY:
        dp->query(s->dp, a->spi_in);
        break;
    case ACT_EVENT:
        count_event(s, a);
        break;
    default:
        cr_assert_fail("an engine alone asks for action %d", a->kind);
    }
}

static void answer_first(struct side *s)
{
    struct memop *op = s->held[0];

    s->n_held--;
    memmove(s->held, s->held + 1, s->n_held * sizeof s->held[0]);
    memop_execute(op, s->pair->now_ms);
    memop_reply(op);
    memop_free(op);
}

/* Everything that follows from a step, until the side is quiet. */
void side_run(struct side *s)
{
    for (unsigned round = 0; round < 1000; round++) {
        bool idle = s->acts.n == 0;

        for (size_t i = 0; i < s->acts.n; i++)
            carry_out(s, &s->acts.v[i]);
        actions_reset(&s->acts);
        for (size_t i = 0; i < s->n_events; i++) {
            struct dp_event ev = s->events[i];

            idle = false;
            engine_dp_event(s->engine, now_of(s->pair), &ev, &s->acts);
        }
        s->n_events = 0;
        if (!s->hold_store && s->n_held > 0) {
            answer_first(s);
            idle = false;
        }
        if (idle && s->acts.n == 0)
            return;
    }
    cr_assert_fail("%c does not come to rest", s->name);
}

/* ---- set up ---- */

struct endpoint ep(const char *text)
{
    struct endpoint e;

    cr_assert_eq(endpoint_parse(text, &e), OK);
    return e;
}

struct ts ts_net(const char *text)
{
    struct ip_prefix p;
    struct ts t = { .port_last = 65535 };
    unsigned host;

    cr_assert_eq(prefix_parse(text, &p), OK);
    host = (unsigned)ip_len(&p.addr) * 8 - p.bits;
    t.first = t.last = p.addr;
    for (unsigned i = 0; i < host; i++)
        t.last.ip[ip_len(&p.addr) - 1 - i / 8] |= (uint8_t)(1 << i % 8);
    return t;
}

void set_ids(struct policy_id *id, const char *name)
{
    bytes_free(&id->data);
    id->type = ID_FQDN;
    if (bytes_copy(span_str(name), &id->data) != OK)
        abort();
}

static void default_conn(struct policy_conn *c, const char *name)
{
    snprintf(c->name, sizeof c->name, "%s", name);
    c->suites[0] = (struct ike_suite){ ENCR_AES_GCM_16, 128, 0, PRF_HMAC_SHA2_256, DH_CURVE25519 };
    c->n_suites = 1;
    c->local_auth = c->remote_auth = AUTH_PSK;
    if (bytes_copy(span_str("a pre-shared key of the tests"), &c->psk) != OK)
        abort();
    c->rekey_s = 14400;
    c->life_s = 15000;
    c->fragmentation = true;
    c->fragment_size = 1280;
    c->n_children = 1;
    snprintf(c->children[0].name, sizeof c->children[0].name, "net");
    c->children[0].suites[0] = (struct esp_suite){ ENCR_AES_GCM_16, 128, 0, DH_CURVE25519, true };
    c->children[0].n_suites = 1;
    c->children[0].rekey_s = 3600;
    c->children[0].life_s = 4000;
    c->children[0].replay_window = 64;
    c->children[0].n_local = c->children[0].n_remote = 1;
}

static void default_policy(struct policy *p, const char *name)
{
    p->conns = calloc(1, sizeof *p->conns);
    if (p->conns == NULL)
        abort();
    p->n_conns = 1;
    p->retransmit_ms = 500;
    p->retransmit_tries = 5;
    p->half_open_ms = 30000;
    p->reply_keep_ms = 60000;
    p->cookie_threshold = 1000;
    p->half_open_per_prefix = 100;
    p->keepalive_s = 20;
    p->outage_s = 600;
    p->rekey_pace_per_s = 1000;
    default_conn(p->conns, name);
}

static void side_init(struct pair *p, struct side *s, char name, uint64_t seed)
{
    static const uint8_t key[32] = { 7, 7, 7 };

    *s = (struct side){ .pair = p, .name = name, .pop = name == 'a' ? 62 : 1, .slots = 1 };
    s->node = name == 'a' ? 100 : 1;
    s->boot = (uint32_t)PAIR_WALL_S;
    s->random = seed * 0x9e3779b97f4a7c15u + (uint8_t)name;
    s->env = (struct env){ .ctx = s,
                           .random = side_random,
                           .log = getenv("PAIR_LOG") != NULL ? side_log : NULL,
                           .log_level = LOG_DEBUG };
    if (keyring_new(&s->keyring) != OK ||
        keyring_add(s->keyring, 1, KEY_ACTIVE, span_of(key, sizeof key)) != OK)
        abort();
    default_policy(&s->policy, name == 'a' ? "to-b" : "from-a");
}

void pair_init(struct pair *p, uint64_t seed)
{
    struct policy_conn *a, *b;

    memset(p, 0, sizeof *p);
    p->now_ms = 1000;
    p->sent = calloc(SENT_MAX, sizeof *p->sent);
    side_init(p, &p->a, 'a', seed);
    side_init(p, &p->b, 'b', seed);
    a = conn(&p->a);
    b = conn(&p->b);
    a->local = b->remote = ep("198.51.100.7:500");
    a->remote = b->local = ep("192.0.2.1:500");
    b->remote.addr.family = 0;
    set_ids(&a->local_id, "a.test");
    set_ids(&a->remote_id, "b.test");
    set_ids(&b->local_id, "b.test");
    set_ids(&b->remote_id, "a.test");
    a->children[0].local_ts[0] = b->children[0].remote_ts[0] = ts_net("10.2.0.0/16");
    a->children[0].remote_ts[0] = b->children[0].local_ts[0] = ts_net("10.1.0.0/16");
}

static void side_start(struct side *s)
{
    struct incarnation first = { { 1, (uint8_t)s->name } };
    struct token none = { 0 };

    if (memstore_new(&first, &s->memory) != OK)
        abort();
    memstore_set_schedule(s->memory, on_op, s);
    connect_store(s);
    s->token = (struct token){ 1, s->node, s->boot };
    claim(s, &none);
    new_engine(s);
    open_slot(s, false, false);
}

void pair_start(struct pair *p)
{
    side_start(&p->a);
    side_start(&p->b);
}

static void drop_held(struct side *s)
{
    for (size_t i = 0; i < s->n_held; i++)
        memop_free(s->held[i]);
    s->n_held = 0;
    if (s->late != NULL)
        memop_free(s->late);
    s->late = NULL;
}

static void side_stop(struct side *s)
{
    drop_held(s);
    s->engine = engine_free(s->engine);
    s->dp = dp_record_free(s->dp);
    s->n_events = 0;
    actions_free(&s->acts);
    if (s->store != NULL)
        s->store->ops->free(s->store);
    s->store = NULL;
    s->running = false;
}

static void side_done(struct side *s)
{
    side_stop(s);
    if (s->memory != NULL)
        memstore_free(s->memory);
    keyring_free(s->keyring);
    policy_done(&s->policy);
    free(s->events);
}

void pair_done(struct pair *p)
{
    for (int d = 0; d < 2; d++)
        while (p->q[d].n > 0)
            drop(p, (enum dir)d, 0);
    side_done(&p->a);
    side_done(&p->b);
    free(p->sent);
}

void pair_use_certs(struct pair *p)
{
    certs_for(conn(&p->a), conn(&p->b), "a.test", "b.test");
}

static void add_pool(struct policy_conn *c, const char *prefix)
{
    struct policy_pool *pool = &c->pools[c->n_pools++];

    snprintf(pool->name, sizeof pool->name, "pool%u", c->n_pools);
    cr_assert_eq(prefix_parse(prefix, &pool->prefix), OK);
}

void pair_use_cp(struct pair *p, const char *pool4, const char *pool6)
{
    struct policy_conn *a = conn(&p->a), *b = conn(&p->b);

    if (pool4 != NULL)
        add_pool(b, pool4);
    if (pool6 != NULL)
        add_pool(b, pool6);
    a->request_vip4 = pool4 != NULL;
    a->request_vip6 = pool6 != NULL;
    a->children[0].local_dynamic = b->children[0].remote_dynamic = true;
    a->children[0].n_local = b->children[0].n_remote = 0;
    if (pool6 != NULL) {
        a->children[0].remote_ts[1] = b->children[0].local_ts[1] = ts_net("2001:db8:1::/48");
        a->children[0].n_remote = b->children[0].n_local = 2;
    }
}

/* ---- store and nodes ---- */

void store_go(struct side *s)
{
    while (s->n_held > 0) {
        answer_first(s);
        side_run(s);
    }
}

void store_release(struct side *s)
{
    s->hold_store = false;
    store_go(s);
    side_run(s);
}

void store_fate(struct side *s, enum fate fate)
{
    struct memop *op = s->held[0];

    cr_assert_gt(s->n_held, 0, "%c asks nothing of the store", s->name);
    s->n_held--;
    memmove(s->held, s->held + 1, s->n_held * sizeof s->held[0]);
    if (fate == FATE_OK || fate == FATE_LOST || fate == FATE_SILENT)
        memop_execute(op, s->pair->now_ms);
    if (fate == FATE_OK)
        memop_reply(op);
    else if (fate == FATE_DOWN)
        memop_fail(op);
    else if (fate != FATE_SILENT)
        memop_lose(op);
    if (fate == FATE_LOST_AND_LATE)
        s->late = op;
    else
        memop_free(op);
    side_run(s);
}

void land_late(struct side *s)
{
    cr_assert_not_null(s->late);
    memop_execute(s->late, s->pair->now_ms);
    memop_free(s->late);
    s->late = NULL;
}

void lose_slot(struct side *s)
{
    struct token before = s->token;

    s->token = (struct token){ before.epoch + 1, (uint16_t)(s->node + 50), s->boot };
    claim(s, &before);
    s->token = before;
}

void roll_back(struct side *s, const struct memstore *snapshot)
{
    struct incarnation next = s->incarnation;
    struct entries l = { .n = 0 };

    next.id[15]++;
    engine_slot_suspend(s->engine, PAIR_SLOT);
    cr_assert_eq(memstore_rollback(s->memory, snapshot, &next), OK);
    memstore_tell(s->store);
    s->incarnation = next;
    memstore_each(s->memory, PAIR_SLOT, add_entry, &l);
    engine_slot_reconcile(s->engine, now_of(s->pair), PAIR_SLOT, &next, l.v, l.n, &s->acts);
    side_run(s);
}

static void next_node(struct side *s)
{
    struct token before = s->token;

    side_stop(s);
    s->node++;
    s->boot++;
    s->hold_store = false;
    s->token = (struct token){ before.epoch + 1, s->node, s->boot };
    connect_store(s);
    claim(s, &before);
    new_engine(s);
}

void fail_over(struct side *s)
{
    next_node(s);
    open_slot(s, true, false);
}

void fail_over_suspect(struct side *s)
{
    struct incarnation next = s->incarnation;

    next.id[15]++;
    memstore_failover(s->memory, &next);
    next_node(s);
    open_slot(s, true, true);
}

void hand_over(struct side *s)
{
    uint16_t slot = UINT16_MAX;
    bool done = false;

    engine_slot_release(s->engine, now_of(s->pair), PAIR_SLOT, &s->acts);
    side_run(s);
    for (unsigned i = 0; i < 100 && !done; i++) {
        done = engine_slot_released(s->engine, &slot);
        engine_tick(s->engine, now_of(s->pair), &s->acts);
        side_run(s);
    }
    cr_assert(done && slot == PAIR_SLOT, "%c does not let go of the slot", s->name);
    cr_assert_eq(installed(s), 0);
    next_node(s);
    open_slot(s, true, false);
}

bool stored(struct side *s, struct store_entry *ret)
{
    struct entries l = { .n = 0 };

    memstore_each(s->memory, PAIR_SLOT, add_entry, &l);
    if (l.n == 0)
        return false;
    *ret = l.v[l.n - 1];
    return true;
}

unsigned stored_count(struct side *s)
{
    struct entries l = { .n = 0 };

    memstore_each(s->memory, PAIR_SLOT, add_entry, &l);
    return (unsigned)l.n;
}
