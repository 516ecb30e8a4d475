/* Rekeys, new keys and what collides. RFC 7296 1.3, 2.8, 2.8.1, 2.8.2, 2.25. */
#include "tests/exchange/pair.h"

TestSuite(rekey, .timeout = 60);

static struct side *at(struct pair *p, bool a)
{
    return a ? &p->a : &p->b;
}

/* ---- Child SA ---- */

static void one_child_rekey(bool from_a, uint64_t seed)
{
    struct pair p;
    uint32_t before;
    uint64_t seq = 0;

    pair_established(&p, seed);
    before = child(&p.b)->spi_in;
    side_rekey_child(at(&p, from_a)); /* HDR, SK { N(REKEY_SA), SA, Ni, KEi, TSi, TSr } --> */
    cr_assert_eq(msg_exchange(peek(&p, from_a ? A_TO_B : B_TO_A, 0)), EX_CREATE_CHILD_SA);
    settle(&p);
    check_up(&p);
    cr_assert_neq(child(&p.b)->spi_in, before);
    cr_assert_eq(children(&p.a, CS_REKEYED) + children(&p.b, CS_REKEYED), 0);
    cr_assert_eq(installed(&p.a), 1);
    cr_assert_eq(installed(&p.b), 1);
    cr_assert_eq(p.a.child_downs + p.b.child_downs, 0, "a replacement is no loss");
    cr_assert_eq(esp(&p, A_TO_B, &seq), OK);
    cr_assert_lt(seq, 5, "a new key begins at the beginning");
    pair_done(&p);
}

Test(rekey, child_by_initiator)
{
    one_child_rekey(true, 100);
}

Test(rekey, child_by_responder)
{
    one_child_rekey(false, 101);
}

/* While the old SA waits for its Delete, it still receives (make before break). */
Test(rekey, old_child_receives_until_its_delete)
{
    struct pair p;
    struct dp_packet packet;

    pair_established(&p, 102);
    cr_assert_eq(dp_record_emit(p.b.dp, child(&p.b)->spi_in, 100, p.now_ms, &packet), OK);
    side_rekey_child(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0); /* a: Delete of the old one --> (held) */
    cr_assert_eq(waiting(&p, A_TO_B), 1);
    cr_assert_eq(dp_record_receive(p.a.dp, &packet, p.now_ms), OK);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* The SPI of a new SA, its keys and numbers, are in the store before the peer hears of them. */
Test(rekey, nothing_leaves_before_it_is_stored)
{
    struct pair p;

    pair_established(&p, 103);
    p.b.hold_store = true;
    side_rekey_child(&p.a);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    cr_assert_eq(installed(&p.b), 1);
    store_release(&p.b);
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    cr_assert_eq(installed(&p.b), 2);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(rekey, answer_lost)
{
    struct pair p;

    pair_established(&p, 104);
    side_rekey_child(&p.a);
    deliver_copy(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(installed(&p.b), 2, "a repeat makes no third");
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* RFC 7296 2.8.1: both rekey the same Child SA; one of the four combinations of who hears first. */
static void children_cross(bool a_first, uint64_t seed)
{
    struct pair p;
    enum dir first = a_first ? A_TO_B : B_TO_A, second = a_first ? B_TO_A : A_TO_B;

    pair_established(&p, seed);
    side_rekey_child(&p.a);
    side_rekey_child(&p.b);
    deliver(&p, first, 0);
    deliver(&p, second, 0);
    settle(&p);
    run_for(&p, 1000);
    check_up(&p);
    cr_assert_eq(installed(&p.a), 1);
    cr_assert_eq(installed(&p.b), 1);
    pair_done(&p);
}

/* Different seeds: either side has the lowest nonce. */
Test(rekey, children_cross)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        children_cross(true, 110 + seed);
        children_cross(false, 140 + seed);
    }
}

/* One answer is lost and comes after the other side has deleted what it thinks is old. */
Test(rekey, children_cross_with_a_lost_answer)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct pair p;

        pair_established(&p, 170 + seed);
        side_rekey_child(&p.a);
        side_rekey_child(&p.b);
        deliver_copy(&p, A_TO_B, 0);               /* a's request stays for a repeat */
        drop(&p, B_TO_A, waiting(&p, B_TO_A) - 1); /* b's answer is lost */
        deliver(&p, B_TO_A, 0);                    /* b's request */
        deliver(&p, A_TO_B, 1);                    /* a's answer */
        while (waiting(&p, B_TO_A) > 0)            /* what b does now (perhaps a Delete) */
            deliver(&p, B_TO_A, 0);
        settle(&p);
        run_for(&p, 20000);
        check_up(&p);
        cr_assert_eq(installed(&p.a), 1);
        cr_assert_eq(installed(&p.b), 1);
        pair_done(&p);
    }
}

/* RFC 7296 2.25.1: a rekey of a Child SA that the other is just deleting. */
static void child_rekey_meets_delete(bool delete_first, uint64_t seed)
{
    struct pair p;

    pair_established(&p, seed);
    side_rekey_child(&p.a);
    side_delete_child(&p.b);
    if (delete_first) {
        deliver(&p, B_TO_A, 0);
        deliver(&p, A_TO_B, 0);
    } else {
        deliver(&p, A_TO_B, 0);
        deliver(&p, B_TO_A, 0);
    }
    settle(&p);
    run_for(&p, 30000);
    cr_assert_eq(sessions(&p.a, SS_ESTABLISHED), 1);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
    cr_assert_eq(session(&p.a, SS_ESTABLISHED)->n_children,
                 session(&p.b, SS_ESTABLISHED)->n_children);
    cr_assert_eq(installed(&p.a), installed(&p.b));
    cr_assert_eq(children(&p.a, CS_REKEYED) + children(&p.b, CS_REKEYED), 0);
    pair_done(&p);
}

Test(rekey, child_rekey_meets_delete)
{
    child_rekey_meets_delete(true, 180);
    child_rekey_meets_delete(false, 181);
}

/* A Child SA that the peer does not have (any more): CHILD_SA_NOT_FOUND; ours goes. */
Test(rekey, child_not_found)
{
    struct pair p;

    pair_established(&p, 182);
    side_delete_child(&p.b); /* b: Delete --> */
    deliver(&p, B_TO_A, 0);  /* a: answer --> (held) */
    settle(&p);
    cr_assert_eq(session(&p.a, SS_ESTABLISHED)->n_children, 0);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->n_children, 0);
    pair_done(&p);
}

/* The wrong group for the Child SA: INVALID_KE_PAYLOAD, then again with the right one. */
Test(rekey, child_other_group)
{
    struct pair p;

    pair_init(&p, 183);
    conn(&p.a)->children[0].suites[1] = conn(&p.a)->children[0].suites[0];
    conn(&p.a)->children[0].suites[1].dh = DH_ECP_256;
    conn(&p.a)->children[0].n_suites = 2;
    conn(&p.b)->children[0].suites[0].dh = DH_ECP_256;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    check_up(&p);
    side_rekey_child(&p.a);
    settle(&p);
    run_for(&p, 1000);
    check_up(&p);
    cr_assert_eq(child(&p.a)->suite.dh, DH_ECP_256);
    pair_done(&p);
}

/* ---- IKE SA ---- */

static void one_ike_rekey(bool from_a, uint64_t seed)
{
    struct pair p;
    uint64_t spi_i;
    uint32_t spi_in;

    pair_established(&p, seed);
    spi_i = session(&p.a, SS_ESTABLISHED)->spi_i;
    spi_in = child(&p.a)->spi_in;
    side_rekey_ike(at(&p, from_a)); /* HDR, SK { SA, Ni, KEi } --> */
    settle(&p);
    check_up(&p);
    cr_assert_neq(session(&p.a, SS_ESTABLISHED)->spi_i, spi_i);
    cr_assert_eq(child(&p.a)->spi_in, spi_in, "Child SAs move as they are");
    cr_assert_eq(p.a.installs, 1);
    cr_assert_eq(live(&p.a), 1);
    cr_assert_eq(live(&p.b), 1);
    cr_assert_eq(p.a.downs + p.b.downs, 0);
    cr_assert_eq(ike_spi_slot(session_own_spi(session(&p.b, SS_ESTABLISHED))), PAIR_SLOT);
    side_rekey_child(&p.b); /* the new SA works, both ways */
    settle(&p);
    side_rekey_child(&p.a);
    settle(&p);
    check_up(&p);
    side_rekey_ike(at(&p, !from_a));
    settle(&p);
    check_up(&p);
    side_delete(&p.a);
    settle(&p);
    check_gone(&p);
    pair_done(&p);
}

Test(rekey, ike_by_initiator)
{
    one_ike_rekey(true, 200);
}

Test(rekey, ike_by_responder)
{
    one_ike_rekey(false, 201);
}

Test(rekey, ike_answer_lost)
{
    struct pair p;

    pair_established(&p, 202);
    side_rekey_ike(&p.b);
    deliver_copy(&p, B_TO_A, 0);
    drop(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    settle(&p);
    check_up(&p);
    cr_assert_eq(live(&p.a), 1);
    cr_assert_eq(live(&p.b), 1);
    pair_done(&p);
}

/* RFC 7296 2.8.2: both rekey the IKE SA at once. */
static void ikes_cross(bool a_first, uint64_t seed)
{
    struct pair p;

    pair_established(&p, seed);
    side_rekey_ike(&p.a);
    side_rekey_ike(&p.b);
    deliver(&p, a_first ? A_TO_B : B_TO_A, 0);
    deliver(&p, a_first ? B_TO_A : A_TO_B, 0);
    settle(&p);
    run_for(&p, 2000);
    check_up(&p);
    cr_assert_eq(live(&p.a), 1, "seed %lu", (unsigned long)seed);
    cr_assert_eq(live(&p.b), 1, "seed %lu", (unsigned long)seed);
    cr_assert_eq(p.a.downs + p.b.downs, 0);
    pair_done(&p);
}

Test(rekey, ikes_cross)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        ikes_cross(true, 210 + seed);
        ikes_cross(false, 240 + seed);
    }
}

/* RFC 7296 2.8.2, second figure: one side's request is lost at first, so the other deletes the old
 * SA before it sees that it was rekeyed twice. */
Test(rekey, ikes_cross_with_a_lost_request)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct pair p;

        pair_established(&p, 260 + seed);
        side_rekey_ike(&p.a);
        side_rekey_ike(&p.b);
        drop(&p, B_TO_A, 0); /* b's request is lost */
        settle(&p);          /* a's rekey goes through, with its Delete of the old SA */
        run_for(&p, 20000);  /* b repeats */
        check_up(&p);
        cr_assert_eq(live(&p.a), 1, "seed %lu", (unsigned long)seed);
        cr_assert_eq(live(&p.b), 1, "seed %lu", (unsigned long)seed);
        pair_done(&p);
    }
}

/* RFC 7296 2.25.2: an IKE SA rekey meets a Child SA rekey: TEMPORARY_FAILURE, then again. */
static void ike_meets_child(bool ike_first, uint64_t seed)
{
    struct pair p;
    uint32_t spi_in;
    uint64_t spi_i;

    pair_established(&p, seed);
    spi_in = child(&p.a)->spi_in;
    spi_i = session(&p.a, SS_ESTABLISHED)->spi_i;
    side_rekey_ike(&p.a);
    side_rekey_child(&p.b);
    if (ike_first) {
        deliver(&p, A_TO_B, 0);
        deliver(&p, B_TO_A, 0);
    } else {
        deliver(&p, B_TO_A, 0);
        deliver(&p, A_TO_B, 0);
    }
    settle(&p);
    run_for(&p, 30000);
    check_up(&p);
    cr_assert_eq(live(&p.a), 1);
    cr_assert_eq(live(&p.b), 1);
    cr_assert(child(&p.a)->spi_in != spi_in || session(&p.a, SS_ESTABLISHED)->spi_i != spi_i,
              "at least one of the two has happened");
    pair_done(&p);
}

Test(rekey, ike_meets_child)
{
    ike_meets_child(true, 280);
    ike_meets_child(false, 281);
}

/* An IKE SA rekey meets a Delete of the IKE SA: the Delete wins. */
Test(rekey, ike_rekey_meets_delete)
{
    for (int order = 0; order < 2; order++) {
        struct pair p;

        pair_established(&p, 282 + (uint64_t)order);
        side_rekey_ike(&p.a);
        side_delete(&p.b);
        deliver(&p, order == 0 ? A_TO_B : B_TO_A, 0);
        deliver(&p, order == 0 ? B_TO_A : A_TO_B, 0);
        settle(&p);
        run_for(&p, 60000);
        check_gone(&p);
        pair_done(&p);
    }
}

/* A Child SA Delete meets an IKE SA rekey. */
Test(rekey, ike_rekey_meets_child_delete)
{
    for (int order = 0; order < 2; order++) {
        struct pair p;

        pair_established(&p, 284 + (uint64_t)order);
        side_rekey_ike(&p.a);
        side_delete_child(&p.b);
        deliver(&p, order == 0 ? A_TO_B : B_TO_A, 0);
        deliver(&p, order == 0 ? B_TO_A : A_TO_B, 0);
        settle(&p);
        run_for(&p, 30000);
        cr_assert_eq(sessions(&p.a, SS_ESTABLISHED), 1);
        cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
        cr_assert_eq(live(&p.a), 1);
        cr_assert_eq(live(&p.b), 1);
        cr_assert_eq(installed(&p.a) + installed(&p.b), 0);
        pair_done(&p);
    }
}

/* ---- lifetimes ---- */

Test(rekey, by_time)
{
    struct pair p;
    uint32_t before;

    pair_init(&p, 300);
    conn(&p.a)->children[0].rekey_s = 100;
    conn(&p.a)->children[0].life_s = 200;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    before = child(&p.a)->spi_in;
    run_for(&p, 90000);
    cr_assert_eq(child(&p.a)->spi_in, before);
    run_for(&p, 11000);
    check_up(&p);
    cr_assert_neq(child(&p.a)->spi_in, before);
    pair_done(&p);
}

Test(rekey, ike_by_time)
{
    struct pair p;
    uint64_t before;

    pair_init(&p, 301);
    conn(&p.b)->rekey_s = 100;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    before = session(&p.b, SS_ESTABLISHED)->spi_i;
    run_for(&p, 101000);
    check_up(&p);
    cr_assert_neq(session(&p.b, SS_ESTABLISHED)->spi_i, before);
    pair_done(&p);
}

/* Nobody answers the rekey: at the hard lifetime the Child SA is deleted. */
Test(rekey, hard_lifetime)
{
    struct pair p;

    pair_init(&p, 302);
    conn(&p.a)->children[0].rekey_s = 0;
    conn(&p.a)->children[0].life_s = 100;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    run_for(&p, 101000);
    cr_assert_eq(installed(&p.a) + installed(&p.b), 0);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
    pair_done(&p);
}

static void by_use(uint64_t packets, uint64_t bytes, uint64_t seed)
{
    struct pair p;
    uint32_t before;
    unsigned sent = 0;

    pair_init(&p, seed);
    conn(&p.a)->children[0].rekey_packets = packets;
    conn(&p.a)->children[0].rekey_bytes = bytes;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    before = child(&p.a)->spi_in;
    for (; sent < 200 && child(&p.a)->spi_in == before; sent++) {
        cr_assert_eq(esp(&p, A_TO_B, NULL), OK);
        settle(&p);
    }
    cr_assert_geq(sent, 90);
    cr_assert_leq(sent, 101);
    check_up(&p);
    pair_done(&p);
}

Test(rekey, by_packets)
{
    by_use(100, 0, 303);
}

Test(rekey, by_bytes)
{
    by_use(0, 10000, 304);
}

/* Two Child SAs of one IKE SA are rekeyed independently; the IKE SA many times. */
Test(rekey, a_long_life)
{
    struct pair p;

    pair_init(&p, 305);
    conn(&p.a)->children[0].rekey_s = 60;
    conn(&p.b)->children[0].rekey_s = 70;
    conn(&p.a)->rekey_s = 250;
    conn(&p.b)->rekey_s = 260;
    conn(&p.a)->jitter_pct = conn(&p.b)->jitter_pct = 20;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    for (unsigned i = 0; i < 60; i++) {
        run_for(&p, 30000);
        check_up(&p);
        cr_assert_eq(live(&p.a), 1);
        cr_assert_eq(live(&p.b), 1);
        cr_assert_eq(installed(&p.a), 1);
        cr_assert_eq(installed(&p.b), 1);
    }
    cr_assert_eq(p.a.downs + p.b.downs, 0);
    pair_done(&p);
}
