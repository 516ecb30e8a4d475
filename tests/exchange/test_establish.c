/* IKE_SA_INIT and IKE_AUTH between two engines. RFC 7296 1.2, 2.1, 2.6, 2.7, 2.9, 2.15, 2.19; RFC
 * 7383. */
#include "tests/exchange/pair.h"

TestSuite(establish, .timeout = 60);

Test(establish, psk)
{
    struct pair p;

    pair_init(&p, 1);
    pair_start(&p);
    initiate(&p.a); /* a: HDR, SAi1, KEi, Ni --> */
    cr_assert_eq(waiting(&p, A_TO_B), 1);
    cr_assert_eq(msg_exchange(peek(&p, A_TO_B, 0)), EX_IKE_SA_INIT);
    deliver(&p, A_TO_B, 0); /* b: HDR, SAr1, KEr, Nr --> */
    cr_assert_eq(sessions(&p.b, SS_HALF_OPEN), 1);
    deliver(&p, B_TO_A, 0); /* a: HDR, SK { IDi, IDr, AUTH, SAi2, TSi, TSr } --> */
    cr_assert_eq(msg_exchange(peek(&p, A_TO_B, 0)), EX_IKE_AUTH);
    cr_assert_eq(sessions(&p.a, SS_AUTH_SENT), 1);
    deliver(&p, A_TO_B, 0); /* b: HDR, SK { IDr, AUTH, SAr2, TSi, TSr } --> */
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 1);
    deliver(&p, B_TO_A, 0);
    check_up(&p);
    cr_assert_eq(p.a.ups, 1);
    cr_assert_eq(p.b.ups, 1);
    cr_assert_eq(p.a.child_ups, 1);
    cr_assert_eq(p.b.child_ups, 1);
    cr_assert(
        span_eq(span_bytes(session(&p.b, SS_ESTABLISHED)->id_remote.data), span_str("a.test")));
    pair_done(&p);
}

Test(establish, certificates)
{
    struct pair p;

    pair_init(&p, 2);
    pair_use_certs(&p);
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* Neither side's keys of AUTH are kept once they are of no use. */
Test(establish, what_derivation_needed_is_gone)
{
    struct pair p;
    const struct session_record *r;

    pair_established(&p, 3);
    r = session(&p.b, SS_ESTABLISHED);
    cr_assert_eq(r->ni.len + r->nr.len + r->init_request.len + r->init_response.len, 0);
    cr_assert_eq(r->sk_pi.len + r->sk_pr.len, 0);
    cr_assert_eq(r->request.dh_private.len, 0);
    pair_done(&p);
}

/* b answers HDR, N(COOKIE) and keeps nothing; the second IKE_SA_INIT carries it. */
Test(establish, cookie)
{
    struct pair p;

    pair_init(&p, 4);
    p.b.policy.cookie_threshold = 0;
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(live(&p.b), 0);
    cr_assert_eq(stored_count(&p.b), 0);
    cr_assert_eq(engine_stats(p.b.engine)->cookies_sent, 1);
    deliver(&p, B_TO_A, 0);
    cr_assert_eq(peek(&p, A_TO_B, 0).p[16], PL_NOTIFY, "the cookie comes first");
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(sessions(&p.b, SS_HALF_OPEN), 1);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* A cookie is of one address and one SPI. */
Test(establish, cookie_of_another_address)
{
    struct pair p;
    struct endpoint other = ep("198.51.100.99:500"), here = ep("192.0.2.1:500");
    struct actions out = { 0 };
    struct now now = { 2000, 1700000002000u };

    pair_init(&p, 5);
    p.b.policy.cookie_threshold = 0;
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    engine_packet(p.b.engine, now, &here, &other, peek(&p, A_TO_B, 0), &out);
    cr_assert_eq(live(&p.b), 0);
    cr_assert_eq(out.n, 1);
    cr_assert_eq(out.v[0].kind, ACT_SEND); /* again a cookie, of that address */
    actions_free(&out);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* a: KEi of a group that b does not want; b: N(INVALID_KE_PAYLOAD); a begins again. */
Test(establish, invalid_ke)
{
    struct pair p;

    pair_init(&p, 6);
    conn(&p.a)->suites[1] = conn(&p.a)->suites[0];
    conn(&p.a)->suites[1].dh = DH_ECP_384;
    conn(&p.a)->n_suites = 2;
    conn(&p.b)->suites[0].dh = DH_ECP_384;
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    cr_assert_eq(live(&p.b), 0);
    settle(&p);
    check_up(&p);
    cr_assert_eq(session(&p.a, SS_ESTABLISHED)->suite.dh, DH_ECP_384);
    pair_done(&p);
}

/* COOKIE, then INVALID_KE_PAYLOAD, then COOKIE for the new KE: RFC 7296 2.6.1. */
Test(establish, cookie_and_invalid_ke)
{
    struct pair p;

    pair_init(&p, 7);
    p.b.policy.cookie_threshold = 0;
    conn(&p.a)->suites[1] = conn(&p.a)->suites[0];
    conn(&p.a)->suites[1].dh = DH_CURVE448;
    conn(&p.a)->n_suites = 2;
    conn(&p.b)->suites[0].dh = DH_CURVE448;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(establish, no_common_suite)
{
    struct pair p;

    pair_init(&p, 8);
    conn(&p.b)->suites[0].encr_key_bits = 256;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.failed, 1);
    cr_assert_eq(p.a.last_err, E_NO_PROPOSAL);
    check_gone(&p);
    cr_assert_eq(stored_count(&p.a) + stored_count(&p.b), 0);
    pair_done(&p);
}

/* The peer's ESP suite is not ours: the IKE SA comes up, then a deletes it (it has no use for it).
 */
Test(establish, no_common_esp_suite)
{
    struct pair p;

    pair_init(&p, 9);
    conn(&p.b)->children[0].suites[0].encr_key_bits = 256;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.failed, 1);
    check_gone(&p);
    pair_done(&p);
}

Test(establish, wrong_psk)
{
    struct pair p;

    pair_init(&p, 10);
    conn(&p.b)->psk.p[0] ^= 1;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.failed, 1);
    cr_assert_eq(p.a.last_err, E_AUTH_FAILED);
    cr_assert_eq(p.b.failed, 1);
    cr_assert_eq(installed(&p.a) + installed(&p.b), 0);
    cr_assert_eq(p.a.installs + p.b.installs, 0, "INV-AUTH");
    run_for(&p, 31000); /* the half-open session expires */
    check_gone(&p);
    cr_assert_eq(stored_count(&p.a) + stored_count(&p.b), 0);
    pair_done(&p);
}

Test(establish, identity_that_b_does_not_know)
{
    struct pair p;

    pair_init(&p, 11);
    set_ids(&conn(&p.a)->local_id, "c.test");
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.last_err, E_AUTH_FAILED);
    cr_assert_eq(p.a.installs + p.b.installs, 0, "INV-AUTH");
    pair_done(&p);
}

/* b proves to be someone, but not who a wants. */
Test(establish, identity_that_a_does_not_want)
{
    struct pair p;

    pair_init(&p, 12);
    set_ids(&conn(&p.b)->local_id, "c.test");
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.ups, 0);
    cr_assert_eq(p.a.installs, 0, "INV-AUTH");
    cr_assert_eq(p.a.last_err, E_AUTH_FAILED);
    pair_done(&p);
}

/* A certificate of a CA that b does not trust. */
Test(establish, foreign_certificate)
{
    struct pair p, other;

    pair_init(&p, 13);
    pair_init(&other, 13);
    pair_use_certs(&p);
    pair_use_certs(&other);
    x509_anchors_free(conn(&p.b)->anchors);
    conn(&p.b)->anchors = conn(&other.b)->anchors;
    conn(&other.b)->anchors = NULL;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.last_err, E_AUTH_FAILED);
    cr_assert_eq(p.a.installs + p.b.installs, 0, "INV-AUTH");
    pair_done(&p);
    pair_done(&other);
}

/* A certificate for another name than the identity that is claimed. */
Test(establish, certificate_of_another_name)
{
    struct pair p;

    pair_init(&p, 14);
    pair_use_certs(&p);
    set_ids(&conn(&p.a)->local_id, "boss.test");
    set_ids(&conn(&p.b)->remote_id, "boss.test");
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    cr_assert_eq(p.a.last_err, E_AUTH_FAILED);
    cr_assert_eq(p.a.installs + p.b.installs, 0, "INV-AUTH");
    pair_done(&p);
}

/* ---- fragments ---- */

static void start_fragmented(struct pair *p, uint64_t seed)
{
    pair_init(p, seed);
    pair_use_certs(p);
    conn(&p->a)->fragment_size = conn(&p->b)->fragment_size = 576;
    pair_start(p);
    initiate(&p->a);
    deliver(p, A_TO_B, 0);
    deliver(p, B_TO_A, 0); /* a: SKF { 1/n } ... SKF { n/n } --> */
    cr_assert_gt(waiting(p, A_TO_B), 1);
    cr_assert_eq(peek(p, A_TO_B, 0).p[16], PL_SKF);
}

Test(establish, fragments)
{
    struct pair p;

    start_fragmented(&p, 20);
    for (size_t i = 0; i < waiting(&p, A_TO_B); i++)
        cr_assert_leq(peek(&p, A_TO_B, i).len, 576 - 28);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(establish, fragments_backwards)
{
    struct pair p;

    start_fragmented(&p, 21);
    while (waiting(&p, A_TO_B) > 0)
        deliver(&p, A_TO_B, waiting(&p, A_TO_B) - 1);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(establish, fragments_lost_and_repeated)
{
    struct pair p;

    start_fragmented(&p, 22);
    drop(&p, A_TO_B, 0);
    deliver_copy(&p, A_TO_B, 0);
    deliver_copy(&p, A_TO_B, 0);
    while (waiting(&p, A_TO_B) > 0)
        deliver(&p, A_TO_B, 0);
    cr_assert_eq(sessions(&p.b, SS_ESTABLISHED), 0);
    run_for(&p, 2000); /* a repeats, all of them */
    check_up(&p);
    pair_done(&p);
}

/* RFC 7383 2.6.1: only the first fragment of a repeated request brings the answer again. */
Test(establish, fragments_repeated_after_the_answer)
{
    struct pair p;
    size_t n, answers;

    start_fragmented(&p, 23);
    n = waiting(&p, A_TO_B);
    for (size_t i = 0; i < n; i++)
        deliver_copy(&p, A_TO_B, i);
    answers = waiting(&p, B_TO_A);
    cr_assert_gt(answers, 1);
    for (size_t i = 1; i < n; i++)
        deliver_copy(&p, A_TO_B, i);
    cr_assert_eq(waiting(&p, B_TO_A), answers);
    deliver_copy(&p, A_TO_B, 0);
    cr_assert_eq(waiting(&p, B_TO_A), 2 * answers);
    for (size_t i = 0; i < answers; i++)
        cr_assert(span_eq(peek(&p, B_TO_A, i), peek(&p, B_TO_A, answers + i)));
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* ---- lost and repeated ---- */

Test(establish, init_answer_lost)
{
    struct pair p;

    pair_init(&p, 30);
    pair_start(&p);
    initiate(&p.a);
    deliver_copy(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    deliver(&p, A_TO_B, 0); /* the same octets again */
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    cr_assert_eq(sessions(&p.b, SS_HALF_OPEN), 1, "a repeat makes no second session");
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(establish, auth_answer_lost)
{
    struct pair p;
    struct bytes first;

    pair_init(&p, 31);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    deliver_copy(&p, A_TO_B, 0);
    cr_assert_eq(bytes_copy(peek(&p, B_TO_A, 0), &first), OK);
    drop(&p, B_TO_A, 0);
    deliver(&p, A_TO_B, 0);
    cr_assert(span_eq(peek(&p, B_TO_A, 0), span_bytes(first)), "the answer is the same octets");
    cr_assert_eq(p.b.ups, 1);
    cr_assert_eq(p.b.installs, 1);
    settle(&p);
    check_up(&p);
    bytes_free(&first);
    pair_done(&p);
}

Test(establish, everything_is_doubled)
{
    struct pair p;

    pair_init(&p, 32);
    pair_start(&p);
    initiate(&p.a);
    for (unsigned i = 0; i < 100 && (p.q[0].n > 0 || p.q[1].n > 0); i++) {
        enum dir d = p.q[0].n > 0 ? A_TO_B : B_TO_A;

        deliver_copy(&p, d, 0);
        deliver(&p, d, 0);
    }
    settle(&p);
    check_up(&p);
    cr_assert_eq(p.a.ups, 1);
    cr_assert_eq(p.b.ups, 1);
    cr_assert_eq(p.a.installs, 1);
    cr_assert_eq(p.b.installs, 1);
    pair_done(&p);
}

Test(establish, nobody_answers)
{
    struct pair p;

    pair_init(&p, 33);
    pair_start(&p);
    initiate(&p.a);
    advance(&p, 120000);
    cr_assert_eq(waiting(&p, A_TO_B), 1 + p.a.policy.retransmit_tries);
    for (size_t i = 1; i < waiting(&p, A_TO_B); i++)
        cr_assert(span_eq(peek(&p, A_TO_B, 0), peek(&p, A_TO_B, i)));
    cr_assert_eq(p.a.failed, 1);
    cr_assert_eq(live(&p.a), 0);
    cr_assert_eq(stored_count(&p.a), 0);
    pair_done(&p);
}

/* The initiator never comes back: the half-open session goes, in memory and in the store. */
Test(establish, half_open_expires)
{
    struct pair p;

    pair_init(&p, 34);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    drop(&p, B_TO_A, 0);
    cr_assert_eq(stored_count(&p.b), 1);
    cr_assert_eq(engine_stats(p.b.engine)->half_open, 1);
    advance(&p, 31000);
    cr_assert_eq(live(&p.b), 0);
    cr_assert_eq(stored_count(&p.b), 0);
    cr_assert_eq(engine_stats(p.b.engine)->half_open, 0);
    pair_done(&p);
}

/* A protected message with one octet changed changes nothing. */
Test(establish, forged_auth)
{
    struct pair p;
    struct bytes forged;

    pair_init(&p, 35);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    deliver(&p, B_TO_A, 0);
    cr_assert_eq(bytes_copy(peek(&p, A_TO_B, 0), &forged), OK);
    for (size_t i = 28; i < forged.len; i += 7) {
        forged.p[i] ^= 0x40;
        inject(&p, A_TO_B, span_bytes(forged));
        forged.p[i] ^= 0x40;
    }
    cr_assert_eq(waiting(&p, B_TO_A), 0);
    cr_assert_eq(sessions(&p.b, SS_HALF_OPEN), 1);
    settle(&p);
    check_up(&p);
    bytes_free(&forged);
    pair_done(&p);
}

/* RFC 7296 2.5: a higher major version gets INVALID_MAJOR_VERSION. */
Test(establish, higher_major_version)
{
    struct pair p;
    struct bytes m;

    pair_init(&p, 36);
    pair_start(&p);
    initiate(&p.a);
    cr_assert_eq(bytes_copy(peek(&p, A_TO_B, 0), &m), OK);
    m.p[17] = 0x30;
    inject(&p, A_TO_B, span_bytes(m));
    cr_assert_eq(waiting(&p, B_TO_A), 1);
    cr_assert_eq(peek(&p, B_TO_A, 0).p[16], PL_NOTIFY);
    cr_assert_eq(live(&p.b), 0);
    bytes_free(&m);
    pair_done(&p);
}

/* ---- NAT ---- */

/* a is behind a NAT: both find out, float to port 4500 and encapsulate. */
Test(establish, behind_a_nat)
{
    struct pair p;

    pair_init(&p, 40);
    pair_start(&p);
    initiate(&p.a);
    p.q[A_TO_B].v[0].from = ep("203.0.113.5:33000");
    deliver(&p, A_TO_B, 0);
    p.q[B_TO_A].v[0].to = conn(&p.a)->local;
    deliver(&p, B_TO_A, 0);
    cr_assert_eq(p.q[A_TO_B].v[0].from.port, 4500);
    cr_assert_eq(p.q[A_TO_B].v[0].to.port, 4500);
    p.q[A_TO_B].v[0].from = ep("203.0.113.5:33001");
    deliver(&p, A_TO_B, 0);
    p.q[B_TO_A].v[0].to = ep("198.51.100.7:4500");
    deliver(&p, B_TO_A, 0);
    cr_assert(session(&p.a, SS_ESTABLISHED)->nat_local);
    cr_assert(session(&p.b, SS_ESTABLISHED)->nat_remote);
    cr_assert(session(&p.b, SS_ESTABLISHED)->udp_encap);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->remote.port, 33001);
    pair_done(&p);
}
