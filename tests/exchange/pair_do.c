/* pair_do: messages by hand, time, what sides do and what they have. */
#include "tests/exchange/pair_inner.h"

#include <stdlib.h>

static struct side *receiver(struct pair *p, enum dir d)
{
    return d == A_TO_B ? &p->b : &p->a;
}

/* ---- messages ---- */

uint8_t msg_exchange(struct span m)
{
    return m.len < 28 ? 0 : m.p[18];
}

uint32_t msg_id(struct span m)
{
    return (uint32_t)m.p[20] << 24 | (uint32_t)m.p[21] << 16 | (uint32_t)m.p[22] << 8 | m.p[23];
}

bool msg_response(struct span m)
{
    return (m.p[19] & 0x20) != 0;
}

size_t waiting(const struct pair *p, enum dir d)
{
    return p->q[d].n;
}

struct span peek(const struct pair *p, enum dir d, size_t n)
{
    cr_assert_lt(n, p->q[d].n, "no message %zu is waiting", n);
    return span_bytes(p->q[d].v[n].data);
}

static void arrive(struct pair *p, enum dir d, const struct carried *c)
{
    struct side *s = receiver(p, d);

    if (!s->running || c->data.len < 28)
        return; /* a dead node, or a NAT keepalive */
    engine_packet(s->engine, now_of(p), &c->to, &c->from, span_bytes(c->data), &s->acts);
    side_run(s);
}

void deliver_copy(struct pair *p, enum dir d, size_t n)
{
    struct carried c;

    (void)peek(p, d, n);
    c = p->q[d].v[n];
    if (bytes_copy(span_bytes(c.data), &c.data) != OK)
        abort();
    arrive(p, d, &c);
    bytes_free(&c.data);
}

static struct carried take(struct pair *p, enum dir d, size_t n)
{
    struct queue *q = &p->q[d];
    struct carried c;

    (void)peek(p, d, n);
    c = q->v[n];
    q->n--;
    memmove(q->v + n, q->v + n + 1, (q->n - n) * sizeof q->v[0]);
    return c;
}

void deliver(struct pair *p, enum dir d, size_t n)
{
    struct carried c = take(p, d, n);

    arrive(p, d, &c);
    bytes_free(&c.data);
}

void drop(struct pair *p, enum dir d, size_t n)
{
    struct carried c = take(p, d, n);

    bytes_free(&c.data);
}

void settle(struct pair *p)
{
    for (unsigned i = 0; i < 2000; i++) {
        if (p->q[A_TO_B].n > 0)
            deliver(p, A_TO_B, 0);
        else if (p->q[B_TO_A].n > 0)
            deliver(p, B_TO_A, 0);
        else
            return;
    }
    cr_assert_fail("the two sides never stop talking");
}

void inject(struct pair *p, enum dir d, struct span octets)
{
    struct policy_conn *a = conn(&p->a);
    struct carried c = { .from = d == A_TO_B ? a->local : a->remote,
                         .to = d == A_TO_B ? a->remote : a->local };

    if (bytes_copy(octets, &c.data) != OK)
        abort();
    arrive(p, d, &c);
    bytes_free(&c.data);
}

/* ---- time ---- */

static void tick(struct side *s)
{
    if (!s->running)
        return;
    dp_record_tick(s->dp, s->pair->now_ms);
    engine_tick(s->engine, now_of(s->pair), &s->acts);
    side_run(s);
}

static uint64_t next_of(const struct side *s)
{
    return s->running ? engine_next_deadline(s->engine) : UINT64_MAX;
}

/* The data plane's own clock ticks at least four times a second. */
static void pass(struct pair *p, uint64_t ms, bool carry)
{
    uint64_t end = p->now_ms + ms;

    while (p->now_ms < end) {
        uint64_t a = next_of(&p->a), b = next_of(&p->b), t = a < b ? a : b;

        if (t > p->now_ms + 250)
            t = p->now_ms + 250;
        p->now_ms = t > end ? end : t > p->now_ms ? t : p->now_ms + 1;
        tick(&p->a);
        tick(&p->b);
        if (carry)
            settle(p);
    }
}

void advance(struct pair *p, uint64_t ms)
{
    pass(p, ms, false);
}

void run_for(struct pair *p, uint64_t ms)
{
    pass(p, ms, true);
}

/* ---- what sides do ---- */

void initiate(struct side *s)
{
    engine_initiate(s->engine, now_of(s->pair), conn(s)->name, 1, &s->acts);
    side_run(s);
}

void pair_established(struct pair *p, uint64_t seed)
{
    pair_init(p, seed);
    pair_start(p);
    initiate(&p->a);
    settle(p);
    check_up(p);
}

static void terminate(struct side *s, enum terminate_kind kind)
{
    engine_terminate(s->engine, now_of(s->pair), kind, conn(s)->name, 0, 0, 2, &s->acts);
    side_run(s);
}

void side_delete(struct side *s)
{
    terminate(s, TERMINATE_IKE);
}

void side_delete_child(struct side *s)
{
    terminate(s, TERMINATE_CHILD);
}

static void rekey(struct side *s, uint32_t spi_in)
{
    const struct session_record *r = session(s, SS_ESTABLISHED);

    cr_assert_not_null(r);
    engine_rekey(s->engine, now_of(s->pair), session_own_spi(r), spi_in, 3, &s->acts);
    side_run(s);
}

void side_rekey_child(struct side *s)
{
    cr_assert_not_null(child(s));
    rekey(s, child(s)->spi_in);
}

void side_rekey_ike(struct side *s)
{
    rekey(s, 0);
}

/* ---- what sides have ---- */

struct count {
    int state; /* -1: all but tombstones */
    unsigned n;
    const struct session_record *last;
};

static bool count_one(void *ctx, const struct session_record *r)
{
    struct count *c = ctx;

    if (c->state < 0 ? r->state != SS_DELETED : r->state == c->state) {
        c->n++;
        if (c->last == NULL || r->created_ms >= c->last->created_ms)
            c->last = r;
    }
    return true;
}

static struct count count(struct side *s, int state)
{
    struct count c = { .state = state };

    engine_each_session(s->engine, count_one, &c);
    return c;
}

const struct session_record *session(struct side *s, enum session_state state)
{
    return count(s, (int)state).last;
}

unsigned sessions(struct side *s, enum session_state state)
{
    return count(s, (int)state).n;
}

unsigned live(struct side *s)
{
    return count(s, -1).n;
}

unsigned children(struct side *s, enum child_state state)
{
    const struct session_record *r = session(s, SS_ESTABLISHED);
    unsigned n = 0;

    for (unsigned i = 0; r != NULL && i < r->n_children; i++)
        n += r->children[i].state == state;
    return n;
}

const struct child_record *child(struct side *s)
{
    const struct session_record *r = session(s, SS_ESTABLISHED);

    for (unsigned i = r == NULL ? 0 : r->n_children; i > 0; i--)
        if (r->children[i - 1].state == CS_INSTALLED)
            return &r->children[i - 1];
    return NULL;
}

enum err esp(struct pair *p, enum dir d, uint64_t *ret_seq)
{
    struct side *from = d == A_TO_B ? &p->a : &p->b, *to = receiver(p, d);
    const struct child_record *c = child(from);
    struct dp_packet packet;
    enum err e;

    cr_assert_not_null(c, "%c has no Child SA", from->name);
    e = dp_record_emit(from->dp, c->spi_in, 100, p->now_ms, &packet);
    side_run(from);
    if (e != OK)
        return e;
    if (ret_seq != NULL)
        *ret_seq = packet.seq;
    if (d == A_TO_B && p->nat.addr.family != 0)
        packet.local = p->nat;
    e = dp_record_receive(to->dp, &packet, p->now_ms);
    side_run(to);
    return e;
}

void check_up(struct pair *p)
{
    const struct session_record *a, *b;

    cr_assert_eq(sessions(&p->a, SS_ESTABLISHED), 1, "a has %u sessions",
                 sessions(&p->a, SS_ESTABLISHED));
    cr_assert_eq(sessions(&p->b, SS_ESTABLISHED), 1, "b has %u sessions",
                 sessions(&p->b, SS_ESTABLISHED));
    a = session(&p->a, SS_ESTABLISHED);
    b = session(&p->b, SS_ESTABLISHED);
    cr_assert_eq(a->spi_i, b->spi_i);
    cr_assert_eq(a->spi_r, b->spi_r);
    cr_assert_eq(children(&p->a, CS_INSTALLED), 1, "a has %u Child SAs",
                 children(&p->a, CS_INSTALLED));
    cr_assert_eq(children(&p->b, CS_INSTALLED), 1, "b has %u Child SAs",
                 children(&p->b, CS_INSTALLED));
    cr_assert_eq(child(&p->a)->spi_in, child(&p->b)->spi_out);
    cr_assert_eq(child(&p->a)->spi_out, child(&p->b)->spi_in);
    cr_assert_eq(esp(p, A_TO_B, NULL), OK);
    cr_assert_eq(esp(p, B_TO_A, NULL), OK);
}

size_t installed(struct side *s)
{
    return dp_record_count(s->dp);
}

void check_gone(struct pair *p)
{
    cr_assert_eq(live(&p->a), 0, "a still has %u sessions", live(&p->a));
    cr_assert_eq(live(&p->b), 0, "b still has %u sessions", live(&p->b));
    cr_assert_eq(installed(&p->a), 0);
    cr_assert_eq(installed(&p->b), 0);
}
