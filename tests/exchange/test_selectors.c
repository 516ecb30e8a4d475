/* Inner addresses and traffic selectors. RFC 7296 2.9, 2.19, 3.15. */
#include <stdio.h>

#include "tests/exchange/pair.h"

TestSuite(selectors, .timeout = 60);

static struct ip_addr ip(const char *text)
{
    struct ip_addr a;

    cr_assert_eq(ip_parse(text, &a), OK);
    return a;
}

static void up(struct pair *p)
{
    pair_start(p);
    initiate(&p->a);
    settle(p);
    check_up(p);
}

static void check_vip(struct side *s, unsigned n, const char *first)
{
    const struct session_record *r = session(s, SS_ESTABLISHED);
    struct ip_addr want = ip(first);

    cr_assert_lt(n, r->n_vips);
    cr_assert(ip_eq(&r->vips[n], &want), "%c", s->name);
}

Test(selectors, inner_ipv4)
{
    struct pair p;
    struct ip_addr inner = ip("10.77.0.1");
    const struct child_record *c;

    pair_init(&p, 60);
    pair_use_cp(&p, "10.77.0.0/24", NULL);
    up(&p);
    check_vip(&p.a, 0, "10.77.0.1");
    check_vip(&p.b, 0, "10.77.0.1");
    c = child(&p.b);
    cr_assert_eq(c->n_remote, 1);
    cr_assert(ip_eq(&c->remote_ts[0].first, &inner) && ip_eq(&c->remote_ts[0].last, &inner));
    cr_assert_eq(engine_session_of_inner(p.b.engine, &inner), session(&p.b, SS_ESTABLISHED)->spi_r);
    pair_done(&p);
}

Test(selectors, inner_ipv4_and_ipv6_and_dns)
{
    struct pair p;

    pair_init(&p, 61);
    pair_use_cp(&p, "10.77.0.0/24", "2001:db8:77::/64");
    conn(&p.b)->dns[0] = ip("10.1.0.53");
    conn(&p.b)->n_dns = 1;
    up(&p);
    cr_assert_eq(session(&p.a, SS_ESTABLISHED)->n_vips, 2);
    check_vip(&p.a, 0, "10.77.0.1");
    check_vip(&p.a, 1, "2001:db8:77::1");
    cr_assert_eq(child(&p.b)->n_remote, 2);
    pair_done(&p);
}

/* Two clients never get one address; one that leaves gives it back. INV-VIP. */
Test(selectors, two_sessions_two_addresses)
{
    struct pair p;
    const struct session_record *r;

    pair_init(&p, 62);
    pair_use_cp(&p, "10.77.0.0/24", NULL);
    up(&p);
    initiate(&p.a); /* a second session of the same client */
    settle(&p);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 2);
    r = session(&p.b, SS_ESTABLISHED);
    {
        struct ip_addr one = ip("10.77.0.1"), two = ip("10.77.0.2");

        cr_assert_neq(engine_session_of_inner(p.b.engine, &one), 0);
        cr_assert_neq(engine_session_of_inner(p.b.engine, &two), 0);
        cr_assert_neq(engine_session_of_inner(p.b.engine, &one),
                      engine_session_of_inner(p.b.engine, &two));
    }
    cr_assert_eq(r->n_vips, 1);
    side_delete(&p.a);
    settle(&p);
    check_gone(&p);
    initiate(&p.a);
    settle(&p);
    check_vip(&p.a, 0, "10.77.0.1");
    pair_done(&p);
}

/* The pool is used up: FAILED_CP_REQUEST or INTERNAL_ADDRESS_FAILURE, no address twice. */
Test(selectors, pool_used_up)
{
    struct pair p;

    pair_init(&p, 63);
    pair_use_cp(&p, "10.77.0.0/30", NULL); /* two usable addresses */
    up(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 2);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.failed, 1);
    cr_assert_eq(p.b.child_ups, 2);
    cr_assert_eq(live(&p.b), 2, "the third went again");
    pair_done(&p);
}

/* A pool too small for sub-pools is leased address by address, through the store. */
Test(selectors, leased_address)
{
    struct pair p;
    uint64_t version;
    struct span value;

    pair_init(&p, 64);
    p.b.slots = 16;
    pair_use_cp(&p, "10.77.0.8/29", NULL); /* six addresses for sixteen slots */
    up(&p);
    cr_assert(session(&p.b, SS_ESTABLISHED)->vip_leased[0]);
    {
        char name[80], text[IP_TEXT_MAX];

        snprintf(name, sizeof name, "vip:%s",
                 ip_text(&session(&p.b, SS_ESTABLISHED)->vips[0], text));
        cr_assert(memstore_named(p.b.memory, name, p.now_ms, &version, &value), "%s", name);
    }
    pair_done(&p);
}

/* IKE_AUTH is repeated while the lease is on its way: the address is not given before the store has
 * it. INV-VIP. */
Test(selectors, lease_on_its_way)
{
    struct pair p;

    pair_init(&p, 68);
    p.b.slots = 16;
    pair_use_cp(&p, "10.77.0.8/29", NULL);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    p.b.hold_store = true;
    deliver_copy(&p, A_TO_B, 0);
    cr_assert_eq(p.b.n_held, 1);
    cr_assert_eq(memop_request(p.b.held[0])->kind, STORE_PUT);
    deliver_copy(&p, A_TO_B, 0);
    cr_assert_eq(p.b.n_held, 1, "nothing is committed with an address that is not ours");
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    cr_assert_eq(p.b.ups, 1);
    pair_done(&p);
}

/* The store says no, or nothing: another address is asked for. */
Test(selectors, lease_refused)
{
    struct pair p;

    pair_init(&p, 69);
    p.b.slots = 16;
    pair_use_cp(&p, "10.77.0.8/29", NULL);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    p.b.hold_store = true;
    deliver_copy(&p, A_TO_B, 0);
    store_fate(&p.b, FATE_DOWN);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    if (p.b.n_held > 0)
        store_fate(&p.b, FATE_LOST);
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    cr_assert(session(&p.b, SS_ESTABLISHED)->vip_leased[0]);
    pair_done(&p);
}

Test(selectors, narrowed_by_the_responder)
{
    struct pair p;
    struct ts want = ts_net("10.1.7.0/24");

    pair_init(&p, 65);
    conn(&p.b)->children[0].local_ts[0] = want;
    up(&p);
    cr_assert(ip_eq(&child(&p.a)->remote_ts[0].first, &want.first));
    cr_assert(ip_eq(&child(&p.a)->remote_ts[0].last, &want.last));
    cr_assert(ip_eq(&child(&p.b)->local_ts[0].last, &want.last));
    pair_done(&p);
}

Test(selectors, port_and_protocol)
{
    struct pair p;

    pair_init(&p, 66);
    conn(&p.a)->children[0].remote_ts[0].protocol = 6;
    conn(&p.b)->children[0].local_ts[0].port_first = 443;
    conn(&p.b)->children[0].local_ts[0].port_last = 443;
    conn(&p.b)->children[0].local_ts[0].protocol = 6;
    up(&p);
    cr_assert_eq(child(&p.a)->remote_ts[0].protocol, 6);
    cr_assert_eq(child(&p.a)->remote_ts[0].port_first, 443);
    cr_assert_eq(child(&p.a)->remote_ts[0].port_last, 443);
    pair_done(&p);
}

/* Nothing in common: TS_UNACCEPTABLE; no Child SA anywhere. */
Test(selectors, nothing_in_common)
{
    struct pair p;

    pair_init(&p, 67);
    conn(&p.b)->children[0].local_ts[0] = ts_net("172.16.0.0/12");
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.failed, 1);
    cr_assert_eq(p.a.installs + p.b.installs, 0);
    check_gone(&p);
    pair_done(&p);
}
