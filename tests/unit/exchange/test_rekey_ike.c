#include "tests/unit/exchange/pair.h"

TestSuite(rekey_ike, .init = pair_init, .fini = pair_done);

Test(rekey_ike, child_moves_and_the_old_one_goes)
{
    uint32_t dp = A.dp[0];

    A.sas[0]->r.n_vips = 1;
    A.sas[0]->r.vips[0] = (struct ip_addr){ 4, { 10, 9, 9, 9 } };
    roundtrip(&A, begin_rekey(&A, A.sas[0], 0));
    cr_assert_eq(A.sas[0]->r.state, SS_REKEYED);
    cr_assert_eq(B.sas[0]->r.state, SS_REKEYED);
    settle();
    assert_agree();
    cr_assert_eq(A.dp[0], dp, "nothing is reinstalled");
    cr_assert_eq(A.sas[1]->r.n_vips, 1);
    cr_assert_eq(A.sas[0]->r.n_vips, 0);
    cr_assert_eq(A.sas[1]->r.role, ROLE_INITIATOR);
    cr_assert_not(secret_eq(&A.sas[0]->r.sk_d, &A.sas[1]->r.sk_d));
    cr_assert_eq(A.ike_downs + B.ike_downs, 0, "a replaced IKE SA is no loss");
}

Test(rekey_ike, by_the_original_responder)
{
    roundtrip(&B, begin_rekey(&B, B.sas[0], 0));
    settle();
    assert_agree();
    cr_assert_eq(B.sas[1]->r.role, ROLE_INITIATOR);
    /* And the Child SA goes on under the new one. */
    roundtrip(&A, begin_rekey(&A, A.sas[1], 0xaaa));
    settle();
    assert_agree();
}

static void collide(unsigned variant)
{
    bool a_won = false, b_won = false;

    for (uint64_t s = 1; s <= 24; s++) {
        struct note qa, qb, ra, rb, d;
        struct ike_sa *sa;

        pair_start(s);
        qa = begin_rekey(&A, A.sas[0], 0);
        qb = begin_rekey(&B, B.sas[0], 0);
        rb = answer_of(&B, &qa);
        ra = answer_of(&A, &qb);
        cr_assert_eq(A.sas[0]->r.n_children, 1, "not moved before it is settled");
        if (variant == 1)
            takeover(&A);
        take(&B, &ra);
        if (variant == 2)
            while (next_task(&B, &d))
                roundtrip(&B, d);
        if (A.sas[0]->r.state == SS_DELETED) {
            /* The winner's Delete was first: our request is forgotten. The peer's end of what it
             * made is left to the peer's own probes. */
            cr_assert_eq(arrive(&A, &rb, NULL), E_NOT_ALLOWED);
            cr_assert_eq(A.sas[1]->r.n_children, 1);
            cr_assert_eq(A.sas[1]->r.spi_i, B.sas[2]->r.spi_i);
            cr_assert_eq(B.sas[2]->r.n_children, 1);
            cr_assert_eq(A.ike_downs, 0);
            continue;
        }
        take(&A, &rb);
        settle();
        assert_agree();
        cr_assert_eq(A.ike_downs + B.ike_downs, 0);
        (void)the_child(&A, &sa);
        if (sa->r.role == ROLE_INITIATOR)
            a_won = true;
        else
            b_won = true;
    }
    cr_assert(a_won && (b_won || variant == 2));
}

Test(rekey_ike, both_at_once)
{
    collide(0);
}

Test(rekey_ike, both_at_once_and_the_node_dies)
{
    collide(1);
}

Test(rekey_ike, both_at_once_and_delete_overtakes)
{
    collide(2);
}

Test(rekey_ike, the_peer_has_not_seen_ours)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0), qb, ra, rb;

    qb = begin_rekey(&B, B.sas[0], 0);
    ra = answer_of(&A, &qb);
    exchange_drop_request(B.sas[0]);
    B.sas[0]->r.request.kind = RQ_NONE;
    (void)ra;
    /* B refuses ours because it has something else under way: B's is the successor. */
    B.sas[0]->r.children[0].state = CS_DELETING;
    rb = answer_of(&B, &qa);
    cr_assert(says(&rb, N_TEMPORARY_FAILURE));
    take(&A, &rb);
    cr_assert_eq(A.sas[0]->r.state, SS_REKEYED);
    cr_assert_eq(A.sas[1]->r.n_children, 1);
    cr_assert_not(A.sas[0]->want_rekey);
}

Test(rekey_ike, delete_of_the_old_settles_it)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0);

    (void)qa; /* lost */
    roundtrip(&B, begin_rekey(&B, B.sas[0], 0));
    cr_assert_eq(A.sas[0]->r.n_children, 1);
    takeover(&A);
    settle();
    assert_agree();
    cr_assert_eq(A.ike_downs + B.ike_downs, 0);
    cr_assert_eq(A.sas[0]->r.request.dh_private.len, 0);
}

Test(rekey_ike, waits_while_the_successor_is_being_stored)
{
    struct note d;
    struct ike_sa *hidden;

    (void)begin_rekey(&A, A.sas[0], 0);
    roundtrip(&B, begin_rekey(&B, B.sas[0], 0));
    cr_assert(next_task(&B, &d));
    hidden = A.sas[--A.n_sas];
    cr_assert_eq(arrive(&A, &d, &(struct note){ 0 }), E_TEMPORARY);
    cr_assert_eq(A.sas[0]->r.n_children, 1, "nothing is lost meanwhile");
    cr_assert_eq(A.sas[0]->r.state, SS_ESTABLISHED);
    A.sas[A.n_sas++] = hidden;
    roundtrip(&B, d);
    assert_agree();
}

Test(rekey_ike, not_while_a_child_is_in_work)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0), rb;

    (void)begin_rekey(&B, B.sas[0], 0xbbb);
    rb = answer_of(&B, &qa);
    cr_assert(says(&rb, N_TEMPORARY_FAILURE));
    cr_assert_not(B.committed);
    take(&A, &rb);
    cr_assert_eq(A.sas[0]->r.state, SS_ESTABLISHED);
    cr_assert_geq(A.sas[0]->r.rekey_at_ms, wall + 5000);
    cr_assert_leq(A.sas[0]->r.rekey_at_ms, wall + 10000);
    cr_assert(A.committed, "another node has to know that it must be asked again");
}

Test(rekey_ike, children_wait_while_it_is_in_work)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0xaaa), rb;

    (void)begin_rekey(&B, B.sas[0], 0);
    rb = answer_of(&B, &qa);
    cr_assert(says(&rb, N_TEMPORARY_FAILURE));
}

Test(rekey_ike, other_group)
{
    struct note n;

    A.conn.suites[1] = A.conn.suites[0];
    A.conn.suites[1].dh = DH_ECP_384;
    A.conn.n_suites = 2;
    B.conn.suites[0].dh = DH_ECP_384;
    n = begin_rekey(&A, A.sas[0], 0);
    n = answer_of(&B, &n);
    cr_assert(says(&n, N_INVALID_KE_PAYLOAD));
    take(&A, &n);
    cr_assert(A.sas[0]->want_rekey);
    roundtrip(&A, begin_rekey(&A, A.sas[0], 0));
    settle();
    assert_agree();
    cr_assert_eq(A.sas[1]->r.suite.dh, DH_ECP_384);
}
