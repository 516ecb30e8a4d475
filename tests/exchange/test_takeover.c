/* The node dies, or hands its slot over, at every point of a session's life; the peer notices
 * nothing. INV-MID, INV-NONCE, INV-SEQ, INV-REPLAY, INV-REVOKE. */
#include "tests/exchange/pair.h"

TestSuite(takeover, .timeout = 60);

/* What a session can do, it can do after a takeover. */
static void check_alive(struct pair *p)
{
    check_up(p);
    side_rekey_child(&p->a);
    settle(p);
    check_up(p);
    side_rekey_child(&p->b);
    settle(p);
    check_up(p);
    side_rekey_ike(&p->b);
    settle(p);
    check_up(p);
    cr_assert_eq(p->a.downs + p->b.downs, 0);
    side_delete(&p->b);
    settle(p);
    check_gone(p);
}

/* IKE_SA_INIT at one node, IKE_AUTH at another. */
Test(takeover, auth_at_another_node)
{
    struct pair p;

    pair_init(&p, 500);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    fail_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, auth_with_certificates_and_fragments)
{
    struct pair p;

    pair_init(&p, 501);
    pair_use_certs(&p);
    conn(&p.a)->fragment_size = conn(&p.b)->fragment_size = 576;
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    deliver_copy(&p, A_TO_B, 0); /* half of the fragments at the node that dies */
    fail_over(&p.b);
    settle(&p);
    run_for(&p, 2000);
    check_alive(&p);
    pair_done(&p);
}

/* IKE_AUTH was answered, the answer is lost with its node: the repeat gets the same octets. */
Test(takeover, answer_lost_with_its_node)
{
    struct pair p;

    pair_init(&p, 502);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    deliver_copy(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    fail_over(&p.b);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* It died before the store had it: nothing happened, the next node does it. */
Test(takeover, died_before_the_commit)
{
    struct pair p;

    pair_init(&p, 503);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    p.b.hold_store = true;
    deliver_copy(&p, A_TO_B, 0);
    fail_over(&p.b);
    cr_assert_eq(sessions(&p.b, SS_HALF_OPEN), 1);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* It died after the store had it, before it was told so. */
Test(takeover, died_after_the_commit)
{
    struct pair p;

    pair_init(&p, 504);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    p.b.hold_store = true;
    deliver_copy(&p, A_TO_B, 0);
    store_fate(&p.b, FATE_SILENT);
    fail_over(&p.b);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* The same for the initiator: at each of its waits. */
Test(takeover, initiator_in_init)
{
    struct pair p;

    pair_init(&p, 505);
    pair_start(&p);
    initiate(&p.a);
    fail_over(&p.a);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, initiator_in_auth)
{
    struct pair p;

    pair_init(&p, 506);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    fail_over(&p.a);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, initiator_with_lost_auth)
{
    struct pair p;

    pair_init(&p, 507);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    drop(&p, A_TO_B, 0);
    fail_over(&p.a); /* repeats what the first sent, octet for octet */
    cr_assert_eq(waiting(&p, A_TO_B), 1);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* ---- ESP ---- */

Test(takeover, numbers_never_go_back)
{
    struct pair p;
    uint64_t last = 0, seq;

    pair_established(&p, 510);
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < 20; i++) {
            cr_assert_eq(esp(&p, B_TO_A, &seq), OK);
            cr_assert_gt(seq, last, "INV-SEQ");
            last = seq;
            cr_assert_eq(esp(&p, A_TO_B, NULL), OK);
        }
        fail_over(&p.b);
        settle(&p);
    }
    check_alive(&p);
    pair_done(&p);
}

/* Without ESN numbers are dearer; the same holds. */
Test(takeover, numbers_without_esn)
{
    struct pair p;
    uint64_t last = 0, seq;

    pair_init(&p, 511);
    conn(&p.a)->children[0].suites[0].esn = conn(&p.b)->children[0].suites[0].esn = false;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    for (unsigned round = 0; round < 6; round++) {
        cr_assert_eq(esp(&p, B_TO_A, &seq), OK);
        cr_assert_gt(seq, last, "INV-SEQ");
        last = seq;
        fail_over(&p.b);
        settle(&p);
    }
    check_alive(&p);
    pair_done(&p);
}

/* A packet whose window was stored is not delivered again. INV-REPLAY. */
Test(takeover, stored_window_refuses_replays)
{
    struct pair p;
    struct dp_packet packet;

    pair_established(&p, 512);
    p.b.dp->window_ms = 500;
    cr_assert_eq(dp_record_emit(p.a.dp, child(&p.a)->spi_in, 100, p.now_ms, &packet), OK);
    cr_assert_eq(dp_record_receive(p.b.dp, &packet, p.now_ms), OK);
    run_for(&p, 4000); /* the checkpoint has stored it */
    cr_assert_eq(child(&p.b)->window.top, packet.seq);
    fail_over(&p.b);
    cr_assert_eq(dp_record_receive(p.b.dp, &packet, p.now_ms), E_REPLAY);
    check_up(&p);
    pair_done(&p);
}

/* ---- exchanges in flight ---- */

Test(takeover, rekey_answer_lost_with_its_node)
{
    struct pair p;

    pair_established(&p, 520);
    side_rekey_child(&p.a);
    deliver_copy(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    fail_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, own_rekey_in_flight)
{
    struct pair p;

    pair_established(&p, 521);
    side_rekey_child(&p.b);
    drop(&p, B_TO_A, 0);
    fail_over(&p.b); /* the new node repeats it */
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* The peer has answered already; the new node repeats the request and takes the answer. */
Test(takeover, own_rekey_answered_at_the_dead_node)
{
    struct pair p;

    pair_established(&p, 522);
    side_rekey_child(&p.b);
    deliver(&p, B_TO_A, 0);
    drop(&p, A_TO_B, 0);
    fail_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* The new Child SA is there at both ends, the Delete of the old one was still to come. */
Test(takeover, delete_of_the_old_child_to_come)
{
    struct pair p;

    pair_established(&p, 523);
    side_rekey_child(&p.b);
    deliver(&p, B_TO_A, 0);
    p.b.hold_store = true;
    deliver(&p, A_TO_B, 0);
    store_fate(&p.b, FATE_SILENT);
    fail_over(&p.b);
    settle(&p);
    run_for(&p, 5000);
    cr_assert_eq(children(&p.a, CS_REKEYED), 0);
    cr_assert_eq(children(&p.b, CS_REKEYED), 0);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, delete_of_the_old_child_in_flight)
{
    struct pair p;

    pair_established(&p, 524);
    side_rekey_child(&p.b);
    deliver(&p, B_TO_A, 0);
    deliver(&p, A_TO_B, 0); /* b: Delete of the old one --> */
    drop(&p, B_TO_A, 0);
    fail_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, ike_rekey_by_peer)
{
    struct pair p;

    pair_established(&p, 525);
    side_rekey_ike(&p.a);
    deliver_copy(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    fail_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, own_ike_rekey_in_flight)
{
    struct pair p;

    pair_established(&p, 526);
    side_rekey_ike(&p.b);
    deliver(&p, B_TO_A, 0);
    drop(&p, A_TO_B, 0);
    fail_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* The new IKE SA is there; the Delete of the old one was to come from the node that died. */
Test(takeover, delete_of_the_old_ike_sa_to_come)
{
    struct pair p;

    pair_established(&p, 527);
    side_rekey_ike(&p.b);
    deliver(&p, B_TO_A, 0);
    p.b.hold_store = true;
    deliver(&p, A_TO_B, 0);
    store_fate(&p.b, FATE_SILENT);
    fail_over(&p.b);
    settle(&p);
    run_for(&p, 5000);
    cr_assert_eq(live(&p.a), 1);
    cr_assert_eq(live(&p.b), 1);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, delete_in_flight)
{
    struct pair p;

    pair_established(&p, 528);
    side_delete(&p.b);
    drop(&p, B_TO_A, 0);
    fail_over(&p.b);
    settle(&p);
    check_gone(&p);
    pair_done(&p);
}

Test(takeover, delete_by_peer)
{
    struct pair p;

    pair_established(&p, 529);
    side_delete(&p.a);
    deliver_copy(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    fail_over(&p.b);
    deliver(&p, A_TO_B, 0);
    settle(&p);
    check_gone(&p);
    pair_done(&p);
}

/* Both rekey the Child SA, and b's node dies between the two halves. */
Test(takeover, collision)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct pair p;

        pair_established(&p, 530 + seed);
        side_rekey_child(&p.a);
        side_rekey_child(&p.b);
        deliver(&p, A_TO_B, 0); /* b has answered a's */
        fail_over(&p.b);
        settle(&p);
        run_for(&p, 30000);
        check_alive(&p);
        pair_done(&p);
    }
}

Test(takeover, ike_collision)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct pair p;

        pair_established(&p, 540 + seed);
        side_rekey_ike(&p.a);
        side_rekey_ike(&p.b);
        deliver(&p, A_TO_B, 0);
        fail_over(&p.b);
        settle(&p);
        run_for(&p, 30000);
        cr_assert_eq(live(&p.a), 1, "seed %lu: %u", (unsigned long)seed, live(&p.a));
        cr_assert_eq(live(&p.b), 1, "seed %lu: %u", (unsigned long)seed, live(&p.b));
        check_up(&p);
        pair_done(&p);
    }
}

/* Probes after a takeover: message IDs of what implied no state are behind in the record. */
Test(takeover, probes)
{
    struct pair p;

    pair_init(&p, 550);
    conn(&p.a)->dpd_s = 10;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    run_for(&p, 65000); /* several probes of a, none of which b has stored */
    fail_over(&p.b);
    run_for(&p, 25000);
    cr_assert_eq(p.a.downs, 0);
    check_alive(&p);
    pair_done(&p);
}

/* Both sides lose their node. */
Test(takeover, both)
{
    struct pair p;

    pair_established(&p, 551);
    fail_over(&p.a);
    fail_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* ---- planned ---- */

Test(takeover, handover_continues_at_the_exact_number)
{
    struct pair p;
    uint64_t before = 0, after = 0;
    struct dp_packet late, seen;

    pair_established(&p, 560);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(esp(&p, B_TO_A, &before), OK);
    cr_assert_eq(dp_record_emit(p.a.dp, child(&p.a)->spi_in, 100, p.now_ms, &late), OK);
    cr_assert_eq(dp_record_emit(p.a.dp, child(&p.a)->spi_in, 100, p.now_ms, &seen), OK);
    cr_assert_eq(dp_record_receive(p.b.dp, &seen, p.now_ms), OK);
    hand_over(&p.b);
    cr_assert_eq(esp(&p, B_TO_A, &after), OK);
    cr_assert_eq(after, before + 1, "%lu after %lu", (unsigned long)after, (unsigned long)before);
    cr_assert_eq(dp_record_receive(p.b.dp, &seen, p.now_ms), E_REPLAY);
    cr_assert_eq(dp_record_receive(p.b.dp, &late, p.now_ms), OK, "the whole window moves");
    check_alive(&p);
    pair_done(&p);
}

/* After a handover the exact number is used up: a crash goes on from the reservation. */
Test(takeover, crash_after_handover)
{
    struct pair p;
    uint64_t seq, last = 0;

    pair_established(&p, 561);
    cr_assert_eq(esp(&p, B_TO_A, &last), OK);
    hand_over(&p.b);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(esp(&p, B_TO_A, &last), OK);
    fail_over(&p.b);
    settle(&p);
    cr_assert_eq(esp(&p, B_TO_A, &seq), OK);
    cr_assert_gt(seq, last, "INV-SEQ");
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, handover_with_a_request_in_flight)
{
    struct pair p;

    pair_established(&p, 562);
    side_rekey_child(&p.b);
    hand_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

Test(takeover, handover_half_open)
{
    struct pair p;

    pair_init(&p, 563);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    hand_over(&p.b);
    settle(&p);
    check_alive(&p);
    pair_done(&p);
}

/* Round and round, with rekeys between. */
Test(takeover, a_long_life)
{
    struct pair p;

    pair_init(&p, 564);
    conn(&p.a)->children[0].rekey_s = 40;
    conn(&p.b)->children[0].rekey_s = 45;
    conn(&p.a)->rekey_s = 200;
    conn(&p.b)->rekey_s = 210;
    conn(&p.a)->dpd_s = conn(&p.b)->dpd_s = 7;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    for (unsigned i = 0; i < 60; i++) {
        run_for(&p, 3000 + i * 333);
        if (i % 3 == 0)
            hand_over(&p.b);
        else if (i % 3 == 1)
            fail_over(&p.b);
        else
            fail_over(&p.a);
        run_for(&p, 4000);
        check_up(&p);
        cr_assert_eq(live(&p.a), 1, "round %u", i);
        cr_assert_eq(live(&p.b), 1, "round %u", i);
    }
    cr_assert_eq(p.a.downs + p.b.downs, 0);
    pair_done(&p);
}

/* ---- suspect ---- */

/* Owner and store are lost at once: nothing is sent or taken under the old Child SA, the first
 * request is a probe, then the Child SA is replaced and the session is as before. */
Test(takeover, suspect)
{
    struct pair p;
    struct dp_packet packet;
    uint32_t old;

    pair_established(&p, 570);
    old = child(&p.b)->spi_in;
    cr_assert_eq(dp_record_emit(p.a.dp, child(&p.a)->spi_in, 100, p.now_ms, &packet), OK);
    fail_over_suspect(&p.b);
    cr_assert_eq(dp_record_receive(p.b.dp, &packet, p.now_ms), E_NOT_ALLOWED, "strict");
    cr_assert_eq(dp_record_emit(p.b.dp, old, 100, p.now_ms, &packet), E_NOT_ALLOWED,
                 "numbers of another incarnation");
    run_for(&p, 2000);
    check_up(&p);
    cr_assert_neq(child(&p.b)->spi_in, old);
    cr_assert_eq(p.a.downs + p.b.downs, 0);
    side_rekey_ike(&p.a);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* The peer refuses our rekeys for a while: still nothing passes under the old key. */
Test(takeover, suspect_and_silent_peer)
{
    struct pair p;
    struct dp_packet packet;
    uint32_t old;

    pair_established(&p, 571);
    old = child(&p.b)->spi_in;
    fail_over_suspect(&p.b);
    advance(&p, 10000);
    cr_assert_eq(dp_record_emit(p.b.dp, old, 100, p.now_ms, &packet), E_NOT_ALLOWED);
    fail_over(&p.b); /* and the next node is no less careful */
    cr_assert_eq(dp_record_emit(p.b.dp, old, 100, p.now_ms, &packet), E_NOT_ALLOWED);
    settle(&p);
    run_for(&p, 3000);
    check_up(&p);
    cr_assert_neq(child(&p.b)->spi_in, old);
    pair_done(&p);
}
