#include "tests/unit/exchange/pair.h"

TestSuite(rekey_child, .init = pair_init, .fini = pair_done);

Test(rekey_child, replaces_the_old_one)
{
    roundtrip(&A, begin_rekey(&A, A.sas[0], 0xaaa));
    cr_assert_eq(all_children(&A), 2);
    cr_assert_eq(ike_sa_child(A.sas[0], 0xaaa)->state, CS_REKEYED);
    cr_assert_eq(ike_sa_child(B.sas[0], 0xbbb)->state, CS_REKEYED);
    settle();
    assert_agree();
    cr_assert_null(ike_sa_child(A.sas[0], 0xaaa));
    cr_assert_eq(A.sas[0]->r.children[0].suite.dh, DH_CURVE25519);
    cr_assert_eq(A.downs + B.downs, 0, "a replaced Child SA is no loss");
}

Test(rekey_child, keeps_the_selectors)
{
    struct child_record *c;

    /* The policy has grown since; the rekey of the old SA asks for what it had. */
    A.conn.children[0].local_ts[A.conn.children[0].n_local++] = net(9);
    B.conn.children[0].remote_ts[B.conn.children[0].n_remote++] = net(9);
    roundtrip(&B, begin_rekey(&B, B.sas[0], 0xbbb));
    settle();
    assert_agree();
    c = &A.sas[0]->r.children[0];
    cr_assert_eq(c->n_local, 1);
    cr_assert_eq(c->local_ts[0].first.ip[2], 1);
    cr_assert_eq(c->remote_ts[0].first.ip[2], 2);
}

/* Which exchange loses depends on the nonces: enough seeds that both do. */
static void collide(unsigned variant)
{
    bool a_won = false, b_won = false;

    for (uint64_t s = 1; s <= 24; s++) {
        struct note qa, qb, ra, rb;
        struct ike_sa *sa;

        pair_start(s);
        qa = begin_rekey(&A, A.sas[0], 0xaaa);
        qb = begin_rekey(&B, B.sas[0], 0xbbb);
        rb = answer_of(&B, &qa);
        ra = answer_of(&A, &qb);
        if (variant == 1)
            takeover(&A);
        take(&B, &ra);
        if (variant == 2) { /* what B deletes overtakes B's answer */
            struct note d;

            if (next_task(&B, &d))
                roundtrip(&B, d);
        }
        take(&A, &rb);
        settle();
        assert_agree();
        cr_assert_eq(A.downs + B.downs, 0);
        if (the_child(&A, &sa)->initiator)
            a_won = true;
        else
            b_won = true;
    }
    cr_assert(a_won && b_won);
}

Test(rekey_child, both_at_once)
{
    collide(0);
}

Test(rekey_child, both_at_once_and_the_node_dies)
{
    collide(1);
}

Test(rekey_child, both_at_once_and_delete_overtakes)
{
    collide(2);
}

Test(rekey_child, ours_was_late_by_a_whole_exchange)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0xaaa), rb;

    roundtrip(&B, begin_rekey(&B, B.sas[0], 0xbbb));
    settle();
    rb = answer_of(&B, &qa);
    cr_assert(says(&rb, N_CHILD_SA_NOT_FOUND));
    cr_assert_not(B.committed);
    take(&A, &rb);
    settle();
    assert_agree();
    cr_assert_eq(A.downs + B.downs, 0);
}

Test(rekey_child, ours_comes_before_the_delete)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0xaaa), rb;

    roundtrip(&B, begin_rekey(&B, B.sas[0], 0xbbb));
    rb = answer_of(&B, &qa); /* B has replaced it and is about to delete it */
    cr_assert(says(&rb, N_TEMPORARY_FAILURE));
    take(&A, &rb);
    cr_assert_not(ike_sa_run(A.sas[0], 0xaaa)->want_rekey);
    settle();
    assert_agree();
}

Test(rekey_child, one_that_the_peer_does_not_have)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0xaaa), rb;

    session_record_remove_child(&B.sas[0]->r, 0xbbb);
    rb = answer_of(&B, &qa);
    take(&A, &rb);
    cr_assert_eq(all_children(&A), 0);
    cr_assert_eq(A.n_dp, 0);
    cr_assert_eq(A.downs, 1);
}

Test(rekey_child, refused_for_now)
{
    struct note qa, rb;

    (void)begin_delete(&B, B.sas[0], 0); /* B is closing; the request crosses it */
    qa = begin_rekey(&A, A.sas[0], 0xaaa);
    rb = answer_of(&B, &qa);
    cr_assert(says(&rb, N_TEMPORARY_FAILURE));
    cr_assert_not(B.committed);
    take(&A, &rb);
    cr_assert_eq(ike_sa_child(A.sas[0], 0xaaa)->state, CS_INSTALLED);
    cr_assert(ike_sa_run(A.sas[0], 0xaaa)->want_rekey);
    cr_assert_geq(ike_sa_run(A.sas[0], 0xaaa)->rekey_after_ms, mono + 5000);
    cr_assert_leq(ike_sa_run(A.sas[0], 0xaaa)->rekey_after_ms, mono + 10000);
}

Test(rekey_child, other_group)
{
    struct policy_child *a = &A.conn.children[0], *b = &B.conn.children[0];
    struct note n;

    a->suites[1] = a->suites[0];
    a->suites[1].dh = DH_ECP_256;
    a->n_suites = 2;
    b->suites[0].dh = DH_ECP_256;
    n = begin_rekey(&A, A.sas[0], 0xaaa);
    n = answer_of(&B, &n);
    cr_assert(says(&n, N_INVALID_KE_PAYLOAD));
    take(&A, &n);
    cr_assert(ike_sa_run(A.sas[0], 0xaaa)->want_rekey);
    cr_assert_eq(ike_sa_run(A.sas[0], 0xaaa)->rekey_after_ms, 0);
    roundtrip(&A, begin_rekey(&A, A.sas[0], 0xaaa));
    settle();
    assert_agree();
    cr_assert_eq(A.sas[0]->r.children[0].suite.dh, DH_ECP_256);
}

static void forge_invalid_ke(struct note *n, uint16_t group)
{
    struct msg m;
    struct span s;

    msg_begin_inner(&m, n->p, sizeof n->p);
    msg_add_invalid_ke(&m, group);
    cr_assert_eq(msg_finish(&m, &s), OK);
    n->response = true;
    n->first = m.first;
    n->len = s.len;
}

Test(rekey_child, a_group_that_is_not_ours_is_no_reason_to_hurry)
{
    struct note n = begin_rekey(&A, A.sas[0], 0xaaa);

    forge_invalid_ke(&n, DH_ECP_521);
    take(&A, &n);
    cr_assert_eq(ike_sa_run(A.sas[0], 0xaaa)->dh_group, 0);
    cr_assert_geq(ike_sa_run(A.sas[0], 0xaaa)->rekey_after_ms, mono + 60000);
}

Test(rekey_child, groups_do_not_go_round_for_ever)
{
    struct policy_child *a = &A.conn.children[0];
    unsigned at_once = 0;

    a->suites[1] = a->suites[0];
    a->suites[1].dh = DH_ECP_256;
    a->n_suites = 2;
    for (unsigned i = 0; i < 5; i++) {
        struct note n = begin_rekey(&A, A.sas[0], 0xaaa);

        forge_invalid_ke(&n, A.sas[0]->r.request.dh == DH_ECP_256 ? DH_CURVE25519 : DH_ECP_256);
        take(&A, &n);
        at_once += ike_sa_run(A.sas[0], 0xaaa)->rekey_after_ms == 0;
    }
    cr_assert_eq(at_once, 2);
}

Test(rekey_child, a_begin_that_cannot_be_waits)
{
    struct exchange x;

    A.conn.n_children = 0; /* gone from the configuration */
    exchange_of(&A, A.sas[0], &x);
    cr_assert_eq(rekey_child_begin(&x, 0xaaa), E_CONFIG);
    cr_assert_geq(ike_sa_run(A.sas[0], 0xaaa)->rekey_after_ms, mono + 60000);
    cr_assert_eq(A.sas[0]->r.request.kind, RQ_NONE);
}

Test(rekey_child, new_child_beside_it)
{
    struct exchange x;

    exchange_of(&A, A.sas[0], &x);
    roundtrip(&A, started(&A, &x, create_child_begin(&x, &A.conn.children[0])));
    cr_assert_eq(all_children(&A), 2);
    cr_assert_eq(all_children(&B), 2);
    cr_assert_eq(A.ups, 1);
    cr_assert_eq(B.ups, 1);
    cr_assert_eq(A.sas[0]->r.children[1].spi_in, B.sas[0]->r.children[1].spi_out);
    cr_assert(secret_eq(&A.sas[0]->r.children[1].encr_in, &B.sas[0]->r.children[1].encr_out));
}

Test(rekey_child, no_common_selectors)
{
    struct exchange x;
    struct note n;

    B.conn.children[0].local_ts[0] = net(77);
    exchange_of(&A, A.sas[0], &x);
    n = started(&A, &x, create_child_begin(&x, &A.conn.children[0]));
    n = answer_of(&B, &n);
    cr_assert(says(&n, N_TS_UNACCEPTABLE));
    take(&A, &n);
    cr_assert_eq(A.failures, 1);
    assert_agree();
}
