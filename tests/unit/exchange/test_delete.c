#include "tests/unit/exchange/pair.h"

TestSuite(deletes, .init = pair_init, .fini = pair_done);

static unsigned deletes_in(const struct note *n)
{
    static struct payload_list l;
    struct pl_delete d;
    uint8_t critical;
    unsigned spis = 0;

    cr_assert_eq(payload_chain_inner(n->first, span_of(n->p, n->len), &l, &critical), OK);
    for (size_t i = 0; i < payload_count(&l, PL_DELETE); i++) {
        cr_assert_eq(pl_delete_parse(rd_of(payload_nth(&l, PL_DELETE, i)->body), &d), OK);
        spis += (unsigned)d.n;
    }
    return spis;
}

Test(deletes, child)
{
    struct note n = begin_delete(&A, A.sas[0], 0xaaa);

    cr_assert_eq(ike_sa_child(A.sas[0], 0xaaa)->state, CS_DELETING);
    n = answer_of(&B, &n);
    cr_assert(B.committed);
    cr_assert_eq(deletes_in(&n), 1);
    take(&A, &n);
    cr_assert_eq(all_children(&A) + all_children(&B) + A.n_dp + B.n_dp, 0);
    cr_assert_eq(A.downs, 1);
    cr_assert_eq(B.downs, 1);
}

Test(deletes, crossing)
{
    struct note qa = begin_delete(&A, A.sas[0], 0xaaa), qb = begin_delete(&B, B.sas[0], 0xbbb);
    struct note ra = answer_of(&A, &qb), rb = answer_of(&B, &qa);

    cr_assert_eq(deletes_in(&ra), 0); /* RFC 7296 1.4.1 */
    cr_assert_eq(deletes_in(&rb), 0);
    take(&A, &rb);
    take(&B, &ra);
    cr_assert_eq(all_children(&A) + all_children(&B) + A.n_dp + B.n_dp, 0);
    cr_assert_eq(A.downs, 1);
    cr_assert_eq(B.downs, 1);
}

Test(deletes, of_what_is_not_there)
{
    struct note n = begin_delete(&A, A.sas[0], 0xaaa);

    session_record_remove_child(&B.sas[0]->r, 0xbbb);
    n = answer_of(&B, &n);
    cr_assert_eq(deletes_in(&n), 0);
    cr_assert_not(B.committed);
}

Test(deletes, all_children_in_one_message)
{
    uint32_t spis[LIMIT_CHILDREN] = { 0xaaa };
    struct note n = { .there = true, .exchange = EX_INFORMATIONAL, .spi_i = 0xa1, .spi_r = 0xb1 };
    struct msg m;
    struct span s;

    for (unsigned i = 1; i < LIMIT_CHILDREN; i++) {
        spis[i] = 0x5000 + i;
        first_child(&B, B.sas[0], 0x6000 + i, spis[i]);
    }
    msg_begin_inner(&m, n.p, sizeof n.p);
    msg_add_delete_esp(&m, spis, LIMIT_CHILDREN);
    cr_assert_eq(msg_finish(&m, &s), OK);
    n.first = m.first;
    n.len = s.len;
    n = answer_of(&B, &n);
    cr_assert_eq(deletes_in(&n), LIMIT_CHILDREN);
    cr_assert_eq(B.n_dp, 0, "INV-REVOKE: none stays at the data plane");
}

Test(deletes, ike_with_all_children)
{
    for (unsigned i = 1; i < LIMIT_CHILDREN; i++)
        first_child(&B, B.sas[0], 0x6000 + i, 0x5000 + i);
    (void)begin_rekey(&B, B.sas[0], 0xbbb); /* in flight; the Delete wins */
    roundtrip(&A, begin_delete(&A, A.sas[0], 0));
    cr_assert_eq(A.sas[0]->r.state, SS_DELETED);
    cr_assert_eq(B.sas[0]->r.state, SS_DELETED);
    cr_assert_eq(all_children(&A) + all_children(&B) + A.n_dp + B.n_dp, 0);
    cr_assert_eq(B.sas[0]->r.request.kind, RQ_NONE);
    cr_assert_eq(B.sas[0]->r.request.dh_private.len, 0);
    cr_assert_eq(A.ike_downs, 1);
    cr_assert_eq(B.ike_downs, 1);
}

Test(deletes, ike_crossing)
{
    struct note qa = begin_delete(&A, A.sas[0], 0), qb = begin_delete(&B, B.sas[0], 0);
    struct note ra = answer_of(&A, &qb), rb = answer_of(&B, &qa);

    cr_assert_eq(arrive(&A, &rb, NULL), E_NOT_ALLOWED); /* it is over already */
    cr_assert_eq(arrive(&B, &ra, NULL), E_NOT_ALLOWED);
    cr_assert_eq(live_sas(&A) + live_sas(&B) + A.n_dp + B.n_dp, 0);
    cr_assert_eq(A.ike_downs, 1);
    cr_assert_eq(B.ike_downs, 1);
}

Test(deletes, probe_changes_nothing)
{
    struct exchange x;
    struct note n;

    exchange_of(&A, A.sas[0], &x);
    n = started(&A, &x, dpd_begin(&x));
    cr_assert_eq(n.len, 0);
    n = answer_of(&B, &n);
    cr_assert_eq(n.len, 0);
    cr_assert_not(B.committed);
    take(&A, &n);
    cr_assert_not(A.committed);
    assert_agree();
}

Test(deletes, unknown_notify_is_passed_over)
{
    struct note n = { .there = true, .exchange = EX_INFORMATIONAL, .spi_i = 0xa1, .spi_r = 0xb1 };
    struct msg m;
    struct span s;

    msg_begin_inner(&m, n.p, sizeof n.p);
    msg_add_notify(&m, 40999, SPAN_NONE);
    cr_assert_eq(msg_finish(&m, &s), OK);
    n.first = m.first;
    n.len = s.len;
    n = answer_of(&B, &n);
    cr_assert_eq(n.len, 0);
    cr_assert_not(B.committed);
}

Test(deletes, of_a_child_that_we_are_rekeying)
{
    struct note qa = begin_rekey(&A, A.sas[0], 0xaaa), rb;

    roundtrip(&B, begin_delete(&B, B.sas[0], 0xbbb));
    cr_assert_eq(all_children(&A), 0);
    rb = answer_of(&B, &qa);
    cr_assert(says(&rb, N_CHILD_SA_NOT_FOUND));
    take(&A, &rb);
    cr_assert_eq(A.downs, 1, "told once");
    cr_assert_eq(A.n_dp, 0);
}
