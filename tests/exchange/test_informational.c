/* Probes and Deletes. RFC 7296 1.4, 1.4.1, 2.4. */
#include "tests/exchange/pair.h"

TestSuite(informational, .timeout = 60);

static void up_with_dpd(struct pair *p, uint64_t seed, uint32_t a, uint32_t b)
{
    pair_init(p, seed);
    conn(&p->a)->dpd_s = a;
    conn(&p->b)->dpd_s = b;
    pair_start(p);
    initiate(&p->a);
    settle(p);
    check_up(p);
}

/* a: HDR, SK {} -->; b: HDR, SK {} without a commit. */
static void probe(bool from_a)
{
    struct pair p;
    enum dir d = from_a ? A_TO_B : B_TO_A;
    struct side *peer;
    uint64_t commits;

    up_with_dpd(&p, 70, from_a ? 10 : 0, from_a ? 0 : 10);
    peer = from_a ? &p.b : &p.a;
    commits = engine_stats(peer->engine)->commits;
    advance(&p, 10100);
    cr_assert_eq(waiting(&p, d), 1);
    cr_assert_eq(msg_exchange(peek(&p, d, 0)), EX_INFORMATIONAL);
    deliver_copy(&p, d, 0);
    deliver(&p, d, 0); /* repeated: the same octets (watched) */
    cr_assert_eq(waiting(&p, from_a ? B_TO_A : A_TO_B), 2);
    cr_assert_eq(engine_stats(peer->engine)->commits, commits, "an answer that implies nothing");
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(informational, probe_from_initiator)
{
    probe(true);
}

Test(informational, probe_from_responder)
{
    probe(false);
}

/* Traffic counts as life: no probe while ESP arrives. */
Test(informational, esp_is_life)
{
    struct pair p;

    up_with_dpd(&p, 71, 10, 0);
    p.a.dp->window_ms = 500;
    for (unsigned i = 0; i < 30; i++) {
        run_for(&p, 1000);
        cr_assert_eq(esp(&p, B_TO_A, NULL), OK);
    }
    cr_assert_eq(session(&p.a, SS_ESTABLISHED)->send_next, 2, "nothing since IKE_AUTH");
    pair_done(&p);
}

/* The peer is gone: retransmissions, then the session is down and the data plane empty. */
Test(informational, dead_peer)
{
    struct pair p;

    up_with_dpd(&p, 72, 0, 10);
    for (unsigned i = 0; i < 200; i++) {
        advance(&p, 1000);
        while (waiting(&p, B_TO_A) > 0)
            drop(&p, B_TO_A, 0);
    }
    cr_assert_eq(p.b.downs, 1);
    cr_assert_eq(live(&p.b), 0);
    cr_assert_eq(installed(&p.b), 0);
    pair_done(&p);
}

static void delete_ike(bool from_a, uint64_t seed)
{
    struct pair p;

    pair_established(&p, seed);
    side_delete(from_a ? &p.a : &p.b);
    settle(&p);
    check_gone(&p);
    cr_assert_eq(p.a.downs, 1);
    cr_assert_eq(p.b.downs, 1);
    pair_done(&p);
}

Test(informational, delete_from_initiator)
{
    delete_ike(true, 73);
}

Test(informational, delete_from_responder)
{
    delete_ike(false, 74);
}

/* The answer to the Delete is lost: the repeated Delete gets the same octets. */
Test(informational, delete_answer_lost)
{
    struct pair p;

    pair_established(&p, 75);
    side_delete(&p.a);
    deliver_copy(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    cr_assert_eq(installed(&p.b), 0);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    settle(&p);
    check_gone(&p);
    pair_done(&p);
}

/* Both delete the IKE SA at once. */
Test(informational, deletes_cross)
{
    struct pair p;

    pair_established(&p, 76);
    side_delete(&p.a); /* a: HDR, SK { D } --> (held) */
    side_delete(&p.b); /* b: HDR, SK { D } --> (held) */
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    settle(&p);
    check_gone(&p);
    cr_assert_eq(p.a.downs, 1);
    cr_assert_eq(p.b.downs, 1);
    pair_done(&p);
}

/* A tombstone stays for as long as the keys could be in use, then the record goes. INV-REVOKE. */
Test(informational, tombstone)
{
    struct pair p;

    pair_established(&p, 77);
    side_delete(&p.a);
    settle(&p);
    cr_assert_eq(sessions(&p.b, SS_DELETED), 1);
    cr_assert_eq(stored_count(&p.b), 1);
    fail_over(&p.b);
    cr_assert_eq(live(&p.b), 0, "a deleted session does not come back");
    cr_assert_eq(installed(&p.b), 0);
    run_for(&p, 15001u * 1000);
    cr_assert_eq(stored_count(&p.b), 0);
    pair_done(&p);
}

/* RFC 7296 1.4.1: the answer names the other half; the IKE SA stays. */
static void delete_child(bool from_a, uint64_t seed)
{
    struct pair p;

    pair_established(&p, seed);
    side_delete_child(from_a ? &p.a : &p.b);
    settle(&p);
    cr_assert_eq(sessions(&p.a, SS_ESTABLISHED), 1);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
    cr_assert_eq(installed(&p.a) + installed(&p.b), 0);
    cr_assert_eq(session(&p.a, SS_ESTABLISHED)->n_children, 0);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->n_children, 0);
    cr_assert_eq(p.a.child_downs, 1);
    cr_assert_eq(p.b.child_downs, 1);
    pair_done(&p);
}

Test(informational, delete_child_from_initiator)
{
    delete_child(true, 78);
}

Test(informational, delete_child_from_responder)
{
    delete_child(false, 79);
}

Test(informational, child_deletes_cross)
{
    struct pair p;

    pair_established(&p, 80);
    side_delete_child(&p.a);
    side_delete_child(&p.b);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    settle(&p);
    cr_assert_eq(installed(&p.a) + installed(&p.b), 0);
    cr_assert_eq(sessions(&p.a, SS_ESTABLISHED), 1);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
    pair_done(&p);
}

/* An IKE SA Delete meets a Child SA Delete. */
Test(informational, ike_delete_meets_child_delete)
{
    struct pair p;

    pair_established(&p, 81);
    side_delete(&p.a);
    side_delete_child(&p.b);
    deliver(&p, B_TO_A, 0);
    deliver(&p, A_TO_B, 0);
    settle(&p);
    check_gone(&p);
    pair_done(&p);
}

/* Messages of an old window, and answers to nothing, are dropped without a word. */
Test(informational, stale_messages)
{
    struct pair p;
    struct bytes auth, answer;

    pair_init(&p, 82);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    cr_assert_eq(bytes_copy(peek(&p, A_TO_B, 0), &auth), OK);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(bytes_copy(peek(&p, B_TO_A, 0), &answer), OK);
    settle(&p);
    side_rekey_child(&p.a);
    settle(&p);
    inject(&p, A_TO_B, span_bytes(auth));
    inject(&p, B_TO_A, span_bytes(answer));
    cr_assert_eq(waiting(&p, A_TO_B) + waiting(&p, B_TO_A), 0);
    check_up(&p);
    bytes_free(&auth);
    bytes_free(&answer);
    pair_done(&p);
}
