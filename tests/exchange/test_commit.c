/* Commit before send, and what happens when the store says something else than OK. INV-COMMIT,
 * INV-MID. */
#include "tests/exchange/pair.h"

TestSuite(commit, .timeout = 60);

/* IKE_AUTH has arrived at b; its commit waits in the test's hand. */
static void auth_held(struct pair *p, uint64_t seed)
{
    pair_init(p, seed);
    pair_start(p);
    initiate(&p->a);
    deliver(p, A_TO_B, 0);
    deliver(p, B_TO_A, 0);
    p->b.hold_store = true;
    deliver_copy(p, A_TO_B, 0);
    cr_assert_eq(p->b.n_held, 1);
    cr_assert_eq(memop_request(p->b.held[0])->kind, STORE_COMMIT);
    cr_assert_eq(waiting(p, B_TO_A), 0, "INV-COMMIT");
    cr_assert_eq(installed(&p->b), 0, "INV-COMMIT");
    cr_assert_eq(p->b.ups, 0);
}

Test(commit, nothing_leaves_before_ok)
{
    struct pair p;

    auth_held(&p, 400);
    store_fate(&p.b, FATE_OK);
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    cr_assert_eq(installed(&p.b), 1);
    p.b.hold_store = false;
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* The first message too: HDR, SAr1, KEr, Nr waits for the store. */
Test(commit, init_answer_waits)
{
    struct pair p;

    pair_init(&p, 401);
    pair_start(&p);
    p.b.hold_store = true;
    initiate(&p.a);
    deliver_copy(&p, A_TO_B, 0);
    deliver_copy(&p, A_TO_B, 0); /* repeated meanwhile: no second session */
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    cr_assert_eq(p.b.n_held, 1);
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* And our own requests: no message ID is used before it is stored. */
Test(commit, own_request_waits)
{
    struct pair p;

    pair_established(&p, 402);
    p.b.hold_store = true;
    side_rekey_child(&p.b);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    advance(&p, 3000); /* not even retransmitted */
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(commit, store_down)
{
    struct pair p;

    auth_held(&p, 403);
    store_fate(&p.b, FATE_DOWN);
    deliver_copy(&p, A_TO_B, 0);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    advance(&p, 250); /* looks what the store has ... */
    cr_assert_eq(p.b.n_held, 1);
    cr_assert_eq(memop_request(p.b.held[0])->kind, STORE_LOAD);
    store_fate(&p.b, FATE_OK);
    cr_assert_eq(memop_request(p.b.held[0])->kind, STORE_COMMIT); /* ... and writes again */
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    cr_assert_eq(p.b.installs, 1);
    pair_done(&p);
}

/* A timeout is not a refusal: read back, found to be ours. */
Test(commit, unknown_and_written)
{
    struct pair p;

    auth_held(&p, 404);
    store_fate(&p.b, FATE_LOST);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    cr_assert_eq(memop_request(p.b.held[0])->kind, STORE_LOAD);
    store_fate(&p.b, FATE_OK);
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    cr_assert_eq(engine_stats(p.b.engine)->commit_unknown, 1);
    cr_assert_eq(engine_stats(p.b.engine)->commit_conflicts, 0);
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(commit, unknown_and_not_written)
{
    struct pair p;

    auth_held(&p, 405);
    store_fate(&p.b, FATE_LOST_UNDONE);
    store_fate(&p.b, FATE_OK); /* read back: the version before */
    cr_assert_eq(memop_request(p.b.held[0])->kind, STORE_COMMIT);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    store_fate(&p.b, FATE_OK);
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* Read back before the lost write lands: the second write meets its own twin. The session is read
 * again and answers with what is stored. */
Test(commit, unknown_and_late)
{
    struct pair p;

    auth_held(&p, 406);
    store_fate(&p.b, FATE_LOST_AND_LATE);
    store_fate(&p.b, FATE_OK);
    land_late(&p.b);
    store_release(&p.b); /* E_CONFLICT, then the slot is loaded */
    cr_assert_eq(engine_stats(p.b.engine)->commit_conflicts, 1);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
    settle(&p); /* a's repeat gets the stored reply */
    check_up(&p);
    pair_done(&p);
}

/* The answer of the read-back is lost as well, several times. */
Test(commit, unknown_again_and_again)
{
    struct pair p;

    auth_held(&p, 407);
    store_fate(&p.b, FATE_LOST);
    for (unsigned i = 0; i < 5; i++) {
        store_fate(&p.b, FATE_LOST);
        cr_assert_eq(waiting(&p, B_TO_A), 0);
        advance(&p, 300);
    }
    store_release(&p.b);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* Another node has the slot: this one forgets the session and says nothing. INV-OWNER. */
Test(commit, slot_lost)
{
    struct pair p;

    pair_established(&p, 408);
    lose_slot(&p.b);
    side_rekey_child(&p.a);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    cr_assert_eq(engine_stats(p.b.engine)->commit_conflicts, 1);
    pair_done(&p);
}

/* The slot is closed while a commit is under way: its answer, even OK, releases nothing. */
Test(commit, slot_closed_meanwhile)
{
    struct pair p;
    struct actions out = { 0 };
    struct now now = { 5000, 1700000005000u };

    auth_held(&p, 409);
    engine_slot_close(p.b.engine, now, PAIR_SLOT, &out);
    cr_assert_eq(live(&p.b), 0);
    store_release(&p.b);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    cr_assert_eq(installed(&p.b), 0);
    cr_assert_eq(p.b.ups, 0);
    actions_free(&out);
    pair_done(&p);
}

/* Messages that arrive while a commit is in flight wait for it. */
Test(commit, messages_wait)
{
    struct pair p;

    pair_init(&p, 410);
    conn(&p.a)->dpd_s = 10;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    p.b.hold_store = true;
    side_rekey_child(&p.b);
    advance(&p, 10100); /* a: HDR, SK {} --> */
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    store_release(&p.b);
    cr_assert_eq(waiting(&p, B_TO_A), 2); /* our request and the answer */
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* ---- the store goes back in time ---- */

/* What the store lost is written back from memory; nobody notices. */
Test(commit, rollback_is_written_back)
{
    struct pair p;
    struct memstore *before;
    struct store_entry was, is;
    uint64_t version;

    pair_established(&p, 411);
    before = memstore_snapshot(p.b.memory);
    side_rekey_child(&p.a);
    settle(&p);
    cr_assert(stored(&p.b, &was));
    version = was.version;
    roll_back(&p.b, before);
    cr_assert(engine_slot_vouchable(p.b.engine, PAIR_SLOT));
    cr_assert(stored(&p.b, &is));
    cr_assert_leq(is.version, version);
    check_up(&p);
    fail_over(&p.b); /* what is stored now is the new state */
    cr_assert_eq(child(&p.b)->spi_in, child(&p.a)->spi_out);
    memstore_free(before);
    pair_done(&p);
}

/* A session that the store lost altogether. */
Test(commit, lost_session_is_written_back)
{
    struct pair p;
    struct memstore *before;

    pair_init(&p, 412);
    pair_start(&p);
    before = memstore_snapshot(p.b.memory);
    initiate(&p.a);
    settle(&p);
    roll_back(&p.b, before);
    cr_assert_eq(stored_count(&p.b), 1);
    check_up(&p);
    side_rekey_ike(&p.b);
    settle(&p);
    check_up(&p);
    memstore_free(before);
    pair_done(&p);
}

/* A deleted session that a rollback brings back: memory knows better. INV-REVOKE. */
Test(commit, deletes_do_not_come_back)
{
    struct pair p;
    struct memstore *before;

    pair_established(&p, 413);
    before = memstore_snapshot(p.b.memory);
    side_delete(&p.a);
    settle(&p);
    check_gone(&p);
    roll_back(&p.b, before);
    fail_over(&p.b);
    check_gone(&p);
    memstore_free(before);
    pair_done(&p);
}

/* A commit was in flight when the store went back: it is written over what is there. */
Test(commit, rollback_under_a_commit)
{
    struct pair p;
    struct memstore *before;

    auth_held(&p, 414);
    before = memstore_snapshot(p.b.memory);
    store_fate(&p.b, FATE_LOST);
    roll_back(&p.b, before);
    store_release(&p.b);
    settle(&p);
    run_for(&p, 3000);
    check_up(&p);
    memstore_free(before);
    pair_done(&p);
}
