/* pair: two ends of one IKE SA at the handlers' level: no engine, no SK, no store. What a handler
 * builds is handed to the other end as payloads; what it leaves in its outcome is carried out at
 * once. */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/exchange/transitions.h"
#include "node/wire/pl_notify.h"

enum { PAIR_SAS = 6, PAIR_DP = 64 };

struct side {
    struct policy policy;
    struct policy_conn conn;
    struct ike_sa *sas[PAIR_SAS];
    unsigned n_sas;
    uint32_t next_esp;
    uint64_t next_ike;
    uint32_t dp[PAIR_DP]; /* inbound SPIs at the data plane */
    unsigned n_dp;
    unsigned ups, downs, ike_downs, failures;
    bool committed; /* by the last step */
    uint8_t room[EXCHANGE_ROOM];
};

/* One message on the way. */
struct note {
    bool there, response;
    uint8_t exchange, first;
    uint64_t spi_i, spi_r;
    size_t len;
    uint8_t p[4096];
};

#define HELPER __attribute__((unused)) static

static struct side A, B;
static uint64_t seed;
static uint64_t mono = 1000000, wall = 1700000000000;

static void pair_random(void *ctx, uint8_t *out, size_t len)
{
    uint64_t *x = ctx;

    for (size_t i = 0; i < len; i++) {
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        out[i] = (uint8_t)(*x >> 24);
    }
}

static const struct env env = { .ctx = &seed, .random = pair_random };

static uint32_t new_esp(void *host, uint16_t slot)
{
    (void)slot;
    return ((struct side *)host)->next_esp++;
}

static uint64_t new_ike(void *host, uint16_t slot)
{
    (void)slot;
    return ((struct side *)host)->next_ike++;
}

static struct ike_sa *find_ike(void *host, uint64_t own_spi)
{
    struct side *s = host;

    for (unsigned i = 0; i < s->n_sas; i++)
        if (session_own_spi(&s->sas[i]->r) == own_spi)
            return s->sas[i];
    return NULL;
}

static struct incarnation incarnation(void *host, uint16_t slot)
{
    (void)host;
    (void)slot;
    return (struct incarnation){ 0 };
}

static const struct exchange_ops ops = {
    .new_esp_spi = new_esp, .new_ike_spi = new_ike, .find_ike = find_ike, .incarnation = incarnation
};

static struct ts net(uint8_t third)
{
    struct ip_prefix p = { { 4, { 10, 0, third, 0 } }, 24 };
    struct ts t = { 0, 0, 65535, p.addr, p.addr };

    t.last.ip[3] = 255;
    return t;
}

static void policy_for(struct side *s, uint8_t local, uint8_t remote)
{
    struct policy_child *c = &s->conn.children[0];

    s->policy = (struct policy){ .conns = &s->conn, .n_conns = 1 };
    snprintf(s->conn.name, sizeof s->conn.name, "site");
    s->conn.suites[0] =
        (struct ike_suite){ ENCR_AES_GCM_16, 128, 0, PRF_HMAC_SHA2_256, DH_CURVE25519 };
    s->conn.n_suites = 1;
    s->conn.n_children = 1;
    s->conn.rekey_s = 14400;
    s->conn.life_s = 15000;
    snprintf(c->name, sizeof c->name, "net");
    c->suites[0] = (struct esp_suite){ ENCR_AES_GCM_16, 128, 0, DH_CURVE25519, true };
    c->n_suites = 1;
    c->local_ts[0] = net(local);
    c->remote_ts[0] = net(remote);
    c->n_local = c->n_remote = 1;
    c->rekey_s = 3600;
    c->life_s = 4000;
}

static void exchange_of(struct side *s, struct ike_sa *sa, struct exchange *x)
{
    static const struct payload_list none;

    *x = (struct exchange){ .env = &env,
                            .policy = &s->policy,
                            .ops = &ops,
                            .host = s,
                            .mono_ms = mono,
                            .wall_ms = wall,
                            .sa = sa,
                            .clear = &none,
                            .inner = &none,
                            .room = s->room };
}

static void first_child(struct side *s, struct ike_sa *sa, uint32_t in, uint32_t out)
{
    static const uint8_t ni[32] = "first nonce", nr[32] = "second nonce";
    struct exchange x;
    struct child_make m = { .policy = &s->conn.children[0],
                            .suite = s->conn.children[0].suites[0],
                            .spi_in = in,
                            .spi_out = out,
                            .initiator = sa->r.role == ROLE_INITIATOR,
                            .ni = span_of(ni, 32),
                            .nr = span_of(nr, 32),
                            .local = s->conn.children[0].local_ts,
                            .remote = s->conn.children[0].remote_ts,
                            .n_local = 1,
                            .n_remote = 1 };

    m.suite.dh = 0;
    exchange_of(s, sa, &x);
    cr_assert_eq(child_make(&x, sa, &m), OK);
    s->dp[s->n_dp++] = in;
    cr_assert_not_null(ike_sa_run(sa, in));
}

static void first_sa(struct side *s, enum record_role role)
{
    struct ike_sa *sa = ike_sa_new();
    struct secret k = { .len = 32, .data = "the same at both ends" };

    sa->r.role = (uint8_t)role;
    sa->r.spi_i = 0xa1;
    sa->r.spi_r = 0xb1;
    sa->r.suite = (struct rec_suite){ ENCR_AES_GCM_16, 128, 0, PRF_HMAC_SHA2_256, DH_CURVE25519 };
    sa->r.sk_d = k;
    snprintf(sa->r.conn, sizeof sa->r.conn, "site");
    ike_sa_set_state(sa, SS_ESTABLISHED, &env);
    s->sas[s->n_sas++] = sa;
}

static void side_done(struct side *s)
{
    for (unsigned i = 0; i < s->n_sas; i++)
        ike_sa_free(s->sas[i]);
    memset(s, 0, sizeof *s);
}

static void pair_start(uint64_t from)
{
    side_done(&A);
    side_done(&B);
    seed = from * 0x9e3779b97f4a7c15u + 1;
    policy_for(&A, 1, 2);
    policy_for(&B, 2, 1);
    A.next_esp = 0x1000;
    B.next_esp = 0x2000;
    A.next_ike = 0xa2;
    B.next_ike = 0xb2;
    first_sa(&A, ROLE_INITIATOR);
    first_sa(&B, ROLE_RESPONDER);
    first_child(&A, A.sas[0], 0xaaa, 0xbbb);
    first_child(&B, B.sas[0], 0xbbb, 0xaaa);
}

HELPER void pair_init(void)
{
    pair_start(1);
}

HELPER void pair_done(void)
{
    side_done(&A);
    side_done(&B);
}

static struct side *other(const struct side *s)
{
    return s == &A ? &B : &A;
}

static void count_events(struct side *s, const struct outcome *o)
{
    for (unsigned i = 0; i < o->n_events; i++) {
        s->ups += o->events[i].kind == OUT_CHILD_UP;
        s->downs += o->events[i].kind == OUT_CHILD_DOWN;
        s->ike_downs += o->events[i].kind == OUT_IKE_DOWN;
        s->failures += o->events[i].kind == OUT_FAILED;
    }
}

/* The engine's part: sessions, data plane, events. */
static void carry_out(struct side *s, struct exchange *x)
{
    const struct outcome *o = &x->out;

    s->committed = o->commit;
    if (!o->commit)
        cr_assert(o->created == NULL && o->n_install == 0 && o->n_remove == 0 && o->also == NULL);
    if (o->created != NULL) {
        cr_assert_lt(s->n_sas, PAIR_SAS);
        s->sas[s->n_sas++] = o->created;
    }
    for (unsigned i = 0; i < o->n_install; i++) {
        cr_assert_not_null(ike_sa_child(x->sa, o->install[i]));
        s->dp[s->n_dp++] = o->install[i];
    }
    for (unsigned i = 0; i < o->n_remove; i++) {
        unsigned at = 0;

        while (at < s->n_dp && s->dp[at] != o->remove[i])
            at++;
        cr_assert_lt(at, s->n_dp, "removed what was not installed");
        s->dp[at] = s->dp[--s->n_dp];
        cr_assert_null(ike_sa_child(x->sa, o->remove[i]));
    }
    if (o->request_done)
        exchange_drop_request(x->sa);
    count_events(s, o);
}

static void pack(const struct exchange *x, const struct ike_sa *sa, uint8_t exchange, bool response,
                 struct note *ret)
{
    cr_assert(x->out.answer);
    cr_assert_leq(x->out.content.len, sizeof ret->p);
    ret->there = true;
    ret->response = response;
    ret->exchange = exchange;
    ret->first = x->out.first;
    ret->spi_i = sa->r.spi_i;
    ret->spi_r = sa->r.spi_r;
    ret->len = x->out.content.len;
    if (ret->len > 0)
        memcpy(ret->p, x->out.content.p, ret->len);
}

/* Our request goes out. */
static struct note started(struct side *s, struct exchange *x, enum err e)
{
    struct note n = { .there = false };

    cr_assert_eq(e, OK, "begin: %s", err_name(e));
    cr_assert(x->out.commit, "our requests are stored first");
    pack(x, x->sa, x->sa->r.request.kind >= RQ_DELETE_CHILD ? EX_INFORMATIONAL : EX_CREATE_CHILD_SA,
         false, &n);
    carry_out(s, x);
    return n;
}

HELPER struct note begin_rekey(struct side *s, struct ike_sa *sa, uint32_t spi_in)
{
    struct exchange x;

    exchange_of(s, sa, &x);
    return started(s, &x, spi_in == 0 ? rekey_ike_begin(&x) : rekey_child_begin(&x, spi_in));
}

HELPER struct note begin_delete(struct side *s, struct ike_sa *sa, uint32_t spi_in)
{
    struct exchange x;

    exchange_of(s, sa, &x);
    return started(s, &x, spi_in == 0 ? delete_ike_begin(&x) : delete_child_begin(&x, spi_in));
}

static struct ike_sa *sa_of(struct side *s, const struct note *n)
{
    for (unsigned i = 0; i < s->n_sas; i++)
        if (s->sas[i]->r.spi_i == n->spi_i && s->sas[i]->r.spi_r == n->spi_r)
            return s->sas[i];
    return NULL;
}

/* n arrives at s; what it answers. */
static enum err arrive(struct side *s, const struct note *n, struct note *ret_reply)
{
    static struct payload_list clear, inner;
    struct ike_sa *sa = sa_of(s, n);
    struct ike_header h = { .exchange = n->exchange };
    const struct transition *t;
    struct exchange x;
    uint8_t critical;
    enum err e;

    cr_assert(n->there);
    cr_assert_not_null(sa);
    clear = (struct payload_list){ .set = PL_BIT(PL_SK) };
    cr_assert_eq(payload_chain_inner(n->first, span_of(n->p, n->len), &inner, &critical), OK);
    exchange_of(s, sa, &x);
    x.h = &h;
    x.clear = &clear;
    x.inner = &inner;
    t = transition_find(&x, sa->r.state, n->response ? TR_RESPONSE : TR_REQUEST);
    if (t == NULL)
        return E_NOT_ALLOWED;
    e = t->handle(&x);
    if (e != OK)
        return e;
    if (!n->response)
        pack(&x, sa, n->exchange, true, ret_reply);
    carry_out(s, &x);
    return OK;
}

HELPER struct note answer_of(struct side *s, const struct note *n)
{
    struct note reply = { .there = false };

    cr_assert_eq(arrive(s, n, &reply), OK);
    return reply;
}

HELPER void take(struct side *s, const struct note *response)
{
    cr_assert_eq(arrive(s, response, NULL), OK);
}

HELPER void roundtrip(struct side *s, struct note request)
{
    struct note reply = answer_of(other(s), &request);

    take(s, &reply);
}

/* One thing that s wants to do by itself; false: nothing. */
HELPER bool next_task(struct side *s, struct note *ret)
{
    for (unsigned i = 0; i < s->n_sas; i++) {
        struct ike_sa *sa = s->sas[i];

        if (sa->r.request.kind != RQ_NONE)
            continue;
        if (sa->want_delete && (sa->r.state == SS_ESTABLISHED || sa->r.state == SS_REKEYED)) {
            sa->want_delete = false;
            *ret = begin_delete(s, sa, 0);
            return true;
        }
        if (sa->r.state != SS_ESTABLISHED)
            continue;
        for (unsigned k = 0; k < sa->n_runs; k++)
            if (sa->runs[k].want_delete && ike_sa_child(sa, sa->runs[k].spi_in) != NULL) {
                sa->runs[k].want_delete = false;
                *ret = begin_delete(s, sa, sa->runs[k].spi_in);
                return true;
            }
    }
    return false;
}

HELPER void settle(void)
{
    struct note n;

    for (unsigned i = 0; i < 20; i++) {
        if (next_task(&A, &n))
            roundtrip(&A, n);
        else if (next_task(&B, &n))
            roundtrip(&B, n);
        else
            return;
    }
    cr_assert_fail("no end of tasks");
}

/* Another node goes on with what is in the records; nothing else survives. */
HELPER void takeover(struct side *s)
{
    for (unsigned i = 0; i < s->n_sas; i++) {
        struct ike_sa *fresh = ike_sa_new();
        struct bytes plain;

        cr_assert_eq(session_record_encode(&s->sas[i]->r, &plain), OK);
        cr_assert_eq(session_record_decode(span_bytes(plain), &fresh->r), OK);
        bytes_wipe_free(&plain);
        ike_sa_free(s->sas[i]);
        s->sas[i] = fresh;
        for (unsigned k = 0; k < fresh->r.n_children; k++)
            cr_assert_not_null(ike_sa_run(fresh, fresh->r.children[k].spi_in));
    }
}

static unsigned all_children(const struct side *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->n_sas; i++)
        n += s->sas[i]->r.n_children;
    return n;
}

/* The only Child SA that is left, and its IKE SA. */
static struct child_record *the_child(struct side *s, struct ike_sa **ret_sa)
{
    cr_assert_eq(all_children(s), 1, "%u Child SAs", all_children(s));
    cr_assert_eq(s->n_dp, 1, "%u at the data plane", s->n_dp);
    for (unsigned i = 0; i < s->n_sas; i++)
        if (s->sas[i]->r.n_children == 1) {
            struct child_record *c = &s->sas[i]->r.children[0];

            cr_assert_eq(c->state, CS_INSTALLED);
            cr_assert_eq(s->sas[i]->r.state, SS_ESTABLISHED);
            cr_assert_eq(s->dp[0], c->spi_in);
            *ret_sa = s->sas[i];
            return c;
        }
    cr_assert_fail("no Child SA");
    return NULL;
}

static unsigned live_sas(const struct side *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->n_sas; i++)
        n += s->sas[i]->r.state != SS_DELETED;
    return n;
}

/* Both ends have one IKE SA and one Child SA, the same ones, with the same keys, and nothing hangs.
 */
HELPER void assert_agree(void)
{
    struct ike_sa *sa, *sb;
    struct child_record *a = the_child(&A, &sa), *b = the_child(&B, &sb);

    cr_assert_eq(a->spi_in, b->spi_out);
    cr_assert_eq(a->spi_out, b->spi_in);
    cr_assert(secret_eq(&a->encr_in, &b->encr_out) && secret_eq(&a->encr_out, &b->encr_in));
    cr_assert_gt(a->encr_in.len, 16);
    cr_assert_eq(sa->r.spi_i, sb->r.spi_i);
    cr_assert_eq(sa->r.spi_r, sb->r.spi_r);
    cr_assert_neq(sa->r.role, sb->r.role);
    cr_assert(secret_eq(&sa->r.sk_d, &sb->r.sk_d) && secret_eq(&sa->r.sk_ei, &sb->r.sk_ei));
    cr_assert_eq(live_sas(&A), 1);
    cr_assert_eq(live_sas(&B), 1);
    for (unsigned i = 0; i < A.n_sas; i++)
        cr_assert_eq(A.sas[i]->r.request.kind, RQ_NONE);
    for (unsigned i = 0; i < B.n_sas; i++)
        cr_assert_eq(B.sas[i]->r.request.kind, RQ_NONE);
}

HELPER bool says(const struct note *n, uint16_t notify)
{
    static struct payload_list l;
    uint8_t critical;

    cr_assert_eq(payload_chain_inner(n->first, span_of(n->p, n->len), &l, &critical), OK);
    return notify_has(&l, notify);
}
