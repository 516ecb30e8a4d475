/* A peer behind a NAT whose mapping changes. RFC 7296 2.23. */
#include "tests/exchange/pair.h"

TestSuite(nat, .timeout = 60);

static struct endpoint outside;

/* The NAT's mapping of a's port 500; that of 4500 is the next port. */
static void map_to(struct pair *p, const char *text)
{
    outside = ep(text);
    p->nat = outside;
    p->nat.port++;
}

/* From a's side the NAT puts its own address; towards a it puts a's. */
static void carry(struct pair *p)
{
    for (unsigned i = 0; i < 1000 && (p->q[A_TO_B].n > 0 || p->q[B_TO_A].n > 0); i++) {
        if (p->q[A_TO_B].n > 0) {
            struct carried *c = &p->q[A_TO_B].v[0];

            c->from.addr = outside.addr;
            c->from.port = (uint16_t)(outside.port + (c->from.port == 4500));
            deliver(p, A_TO_B, 0);
        } else {
            struct carried *c = &p->q[B_TO_A].v[0];
            bool here = ip_eq(&c->to.addr, &outside.addr) &&
                        (c->to.port == outside.port || c->to.port == outside.port + 1);

            c->to = (struct endpoint){ conn(&p->a)->local.addr,
                                       c->to.port == outside.port ? 500 : 4500 };
            if (here)
                deliver(p, B_TO_A, 0);
            else
                drop(p, B_TO_A, 0); /* to a mapping that is gone */
        }
    }
}

static void up(struct pair *p, uint64_t seed)
{
    pair_init(p, seed);
    map_to(p, "203.0.113.5:33000");
    pair_start(p);
    initiate(&p->a);
    carry(p);
    check_up(p);
    cr_assert(session(&p->b, SS_ESTABLISHED)->nat_remote);
    cr_assert_eq(session(&p->b, SS_ESTABLISHED)->remote.port, 33001);
}

/* An authentic request from another address moves the session and its Child SAs. */
Test(nat, new_mapping)
{
    struct pair p;
    struct dp_record_view v;

    up(&p, 600);
    map_to(&p, "203.0.113.9:41000");
    side_rekey_child(&p.a);
    carry(&p);
    check_up(&p);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->remote.port, 41001);
    cr_assert_eq(dp_record_find(p.b.dp, child(&p.b)->spi_in, &v), OK);
    cr_assert_eq(v.child->remote.port, 41001);
    side_rekey_ike(&p.b); /* the way back works */
    carry(&p);
    check_up(&p);
    pair_done(&p);
}

/* ESP alone says it as well. */
Test(nat, new_mapping_by_esp)
{
    struct pair p;

    up(&p, 605);
    map_to(&p, "203.0.113.9:42000");
    cr_assert_eq(esp(&p, A_TO_B, NULL), OK);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->remote.port, 42001);
    side_delete(&p.b);
    carry(&p);
    check_gone(&p);
    pair_done(&p);
}

/* A repeated old message from elsewhere moves nothing: an observer could send it. */
Test(nat, a_replay_moves_nothing)
{
    struct pair p;
    struct carried c;
    struct endpoint before;

    up(&p, 601);
    side_rekey_child(&p.a);
    cr_assert_eq(bytes_copy(peek(&p, A_TO_B, 0), &c.data), OK);
    carry(&p);
    before = session(&p.b, SS_ESTABLISHED)->remote;
    outside = ep("203.0.113.66:6666");
    {
        struct actions out = { 0 };
        struct endpoint local = ep("192.0.2.1:4500");

        engine_packet(p.b.engine, (struct now){ p.now_ms, 1700000000000u + p.now_ms }, &local,
                      &outside, span_bytes(c.data), &out);
        actions_free(&out);
    }
    cr_assert(endpoint_eq(&session(&p.b, SS_ESTABLISHED)->remote, &before));
    bytes_free(&c.data);
    pair_done(&p);
}

/* The new address is stored: the next node knows it. */
Test(nat, new_mapping_survives_a_takeover)
{
    struct pair p;

    up(&p, 602);
    map_to(&p, "203.0.113.9:41000");
    side_rekey_child(&p.a);
    carry(&p);
    fail_over(&p.b);
    carry(&p);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->remote.port, 41001);
    side_rekey_child(&p.b);
    carry(&p);
    check_up(&p);
    pair_done(&p);
}

/* Without a NAT an address does not change by itself. */
Test(nat, no_nat_no_move)
{
    struct pair p;
    struct endpoint before;

    pair_established(&p, 603);
    before = session(&p.b, SS_ESTABLISHED)->remote;
    side_rekey_child(&p.a);
    p.q[A_TO_B].v[0].from = ep("203.0.113.9:500");
    deliver(&p, A_TO_B, 0);
    cr_assert(endpoint_eq(&session(&p.b, SS_ESTABLISHED)->remote, &before));
    settle(&p);
    pair_done(&p);
}

/* b, which sits outside, sends no keepalives; a does, and they are no IKE. */
Test(nat, keepalives)
{
    struct pair p;
    unsigned n = 0;

    up(&p, 604);
    advance(&p, 65000);
    for (size_t i = 0; i < waiting(&p, A_TO_B); i++)
        n += peek(&p, A_TO_B, i).len == 1 && peek(&p, A_TO_B, i).p[0] == 0xff;
    cr_assert_geq(n, 2);
    cr_assert_leq(n, 4);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    pair_done(&p);
}
