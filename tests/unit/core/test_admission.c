#include "node/crypto/cookie.h"
#include "node/wire/message_build.h"
#include "tests/unit/core/engine_rig.h"

static struct endpoint from(uint8_t net, uint8_t host)
{
    return (struct endpoint){ { 4, { 198, 51, net, host } }, 500 };
}

static const struct now now = { 1000, 1700000000000u };

/* The clear payloads of an IKE_SA_INIT as far as admission reads them. */
static struct payload_list init_with(uint8_t *room, size_t cap, struct span cookie)
{
    struct ike_header h = ike_header_make(77, 0, EX_IKE_SA_INIT, true, false, 0);
    struct payload_list l;
    struct msg m;
    struct span message;
    uint8_t critical;

    msg_begin(&m, room, cap, &h);
    if (cookie.len > 0)
        msg_add_notify(&m, N_COOKIE, cookie);
    msg_add_nonce(&m, span_of("0123456789abcdef", 16));
    cr_assert_eq(msg_finish(&m, &message), OK);
    cr_assert_eq(payload_chain_clear(message.p[16], span_of(message.p + 28, message.len - 28), &l,
                                     &critical),
                 OK);
    return l;
}

Test(admission, below_and_above_the_threshold)
{
    struct rig r = { .policy = { .cookie_threshold = 2, .half_open_per_prefix = 100 } };
    struct endpoint peer = from(100, 1);
    uint8_t room[512], cookie[COOKIE_LEN];
    struct payload_list plain;
    struct ike_sa *sa[2] = { ike_sa_new(), ike_sa_new() };

    rig_start(&r, 1, 1);
    plain = init_with(room, sizeof room, SPAN_NONE);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(admission_check(r.engine, now, &peer, 77, &plain), ADMIT_YES);
        sa[i]->r.remote = peer;
        admission_enter(r.engine, sa[i]);
    }
    cr_assert_eq(admission_check(r.engine, now, &peer, 77, &plain), ADMIT_COOKIE);
    {
        uint8_t again[512];
        struct payload_list with;
        struct endpoint other = from(100, 2);

        cr_assert_eq(cookie_make(&r.engine->cookie_key, now.wall_ms / 1000,
                                 span_of("0123456789abcdef", 16), &peer.addr, 77, cookie),
                     OK);
        with = init_with(again, sizeof again, span_of(cookie, sizeof cookie));
        cr_assert_eq(admission_check(r.engine, now, &peer, 77, &with), ADMIT_YES);
        cr_assert_eq(admission_check(r.engine, now, &peer, 78, &with), ADMIT_COOKIE);
        cr_assert_eq(admission_check(r.engine, now, &other, 77, &with), ADMIT_COOKIE);
        cookie[sizeof cookie - 1] ^= 1;
        with = init_with(again, sizeof again, span_of(cookie, sizeof cookie));
        cr_assert_eq(admission_check(r.engine, now, &peer, 77, &with), ADMIT_COOKIE);
    }
    admission_leave(r.engine, sa[0]);
    admission_leave(r.engine, sa[0]); /* counts once */
    cr_assert_eq(r.engine->half_open, 1);
    cr_assert_eq(admission_check(r.engine, now, &peer, 77, &plain), ADMIT_YES);
    admission_leave(r.engine, sa[1]);
    cr_assert_eq(r.engine->half_open, 0);
    cr_assert_eq(r.engine->per_prefix.n, 0);
    ike_sa_free(sa[0]);
    ike_sa_free(sa[1]);
    rig_stop(&r);
}

/* The budget is of a /24, and a cookie does not lift it. */
Test(admission, budget_per_prefix)
{
    struct rig r = { .policy = { .cookie_threshold = 1000, .half_open_per_prefix = 3 } };
    uint8_t room[512];
    struct payload_list plain;
    struct ike_sa *sa[3];
    struct endpoint other = from(101, 1), same = from(100, 200);

    rig_start(&r, 1, 1);
    plain = init_with(room, sizeof room, SPAN_NONE);
    for (uint8_t i = 0; i < 3; i++) {
        sa[i] = ike_sa_new();
        sa[i]->r.remote = from(100, i);
        admission_enter(r.engine, sa[i]);
        admission_enter(r.engine, sa[i]); /* counts once */
    }
    cr_assert_eq(r.engine->half_open, 3);
    cr_assert_eq(admission_check(r.engine, now, &same, 77, &plain), ADMIT_NO);
    cr_assert_eq(admission_check(r.engine, now, &other, 77, &plain), ADMIT_YES);
    admission_leave(r.engine, sa[1]);
    cr_assert_eq(admission_check(r.engine, now, &same, 77, &plain), ADMIT_YES);
    for (int i = 0; i < 3; i++) {
        admission_leave(r.engine, sa[i]);
        ike_sa_free(sa[i]);
    }
    rig_stop(&r);
}
