#include "node/wire/payload_chain.h"

#include "node/wire/message_build.h"
#include "tests/unit/wire/parse_check.h"

static struct payload_list got;
static uint8_t first, critical;

static enum err clear(struct rd r)
{
    return payload_chain_clear(first, rd_rest(&r), &got, &critical);
}

static enum err inner(struct rd r)
{
    return payload_chain_inner(first, rd_rest(&r), &got, &critical);
}

/* SA, KE, Ni, N, N */
static struct span sample(uint8_t *buf, size_t cap)
{
    struct msg m;
    struct span s;

    msg_begin_inner(&m, buf, cap);
    msg_add_raw(&m, PL_SA, span_str("0123456789"));
    msg_add_ke(&m, DH_CURVE25519, span_str("public value"));
    msg_add_nonce(&m, span_str("a nonce of twenty oc"));
    msg_add_notify(&m, N_COOKIE, span_str("cookie"));
    msg_add_notify(&m, N_INITIAL_CONTACT, SPAN_NONE);
    cr_assert_eq(msg_finish(&m, &s), OK);
    first = m.first;
    return s;
}

Test(payload_chain, walks)
{
    uint8_t buf[256];
    struct span s = sample(buf, sizeof buf);

    cr_assert_eq(inner(rd_of(s)), OK);
    cr_assert_eq(got.n, 5);
    cr_assert_eq(got.set, PL_BIT(PL_SA) | PL_BIT(PL_KE) | PL_BIT(PL_NONCE) | PL_BIT(PL_NOTIFY));
    cr_assert_eq(got.p[0].type, PL_SA);
    cr_assert(span_eq(got.p[0].body, span_str("0123456789")));
    cr_assert_eq(got.p[0].offset, 4);
    cr_assert_eq(got.p[1].offset, 18);
    cr_assert_eq(payload_count(&got, PL_NOTIFY), 2);
    cr_assert_eq(payload_first(&got, PL_NOTIFY), &got.p[3]);
    cr_assert_eq(payload_nth(&got, PL_NOTIFY, 1), &got.p[4]);
    cr_assert_null(payload_nth(&got, PL_NOTIFY, 2));
    cr_assert_null(payload_first(&got, PL_AUTH));
    cr_assert_eq(clear(rd_of(s)), OK);
}

Test(payload_chain, truncated_trailing_changed)
{
    uint8_t buf[256];
    struct span s = sample(buf, sizeof buf);

    check_truncations(clear, s);
    check_truncations(inner, s);
    check_trailing(inner, s);
    touch_octets(clear, s);
    touch_octets(inner, s);
}

Test(payload_chain, lengths_lie)
{
    uint8_t buf[256];
    struct span s = sample(buf, sizeof buf);
    struct wr w = { buf, s.len, sizeof buf, false };

    for (unsigned len = 0; len < 4; len++) {
        wr_put_u16(&w, 2, (uint16_t)len);
        cr_assert_eq(parse_copy(inner, s.p, s.len), E_BAD_LENGTH);
    }
    wr_put_u16(&w, 2, 0xffff);
    cr_assert_eq(parse_copy(inner, s.p, s.len), E_TRUNCATED);
    wr_put_u16(&w, 2, (uint16_t)s.len); /* swallows the rest: the next payload then has nothing */
    cr_assert_eq(parse_copy(inner, s.p, s.len), E_TRUNCATED);
}

Test(payload_chain, empty)
{
    first = PL_NONE;
    cr_assert_eq(inner(rd_of(SPAN_NONE)), OK);
    cr_assert_eq(got.n, 0);
    cr_assert_eq(got.set, 0);
    cr_assert_eq(inner(rd_of(span_str("x"))), E_TRAILING);
    first = PL_SA;
    cr_assert_eq(inner(rd_of(SPAN_NONE)), E_TRUNCATED);
}

Test(payload_chain, sk_is_last_and_names_the_first_inside)
{
    /* SK with a body of 3; its next payload is IDi */
    static const uint8_t sk[] = { PL_IDI, 0, 0, 7, 1, 2, 3 };
    uint8_t more[8];

    first = PL_SK;
    cr_assert_eq(parse_copy(clear, sk, sizeof sk), OK);
    cr_assert_eq(got.inner_first, PL_IDI);
    cr_assert_eq(got.set, PL_BIT(PL_SK));
    cr_assert_eq(parse_copy(inner, sk, sizeof sk), E_NOT_ALLOWED);
    memcpy(more, sk, sizeof sk);
    more[7] = 0;
    cr_assert_eq(parse_copy(clear, more, sizeof more), E_TRAILING, "nothing may follow SK");
    first = PL_SKF;
    cr_assert_eq(parse_copy(clear, sk, sizeof sk), OK);
    cr_assert_eq(got.set, PL_BIT(PL_SKF));
    cr_assert_eq(parse_copy(inner, sk, sizeof sk), E_NOT_ALLOWED);
}

Test(payload_chain, unknown_payloads)
{
    /* 200 (not critical), 201 (critical or not), Nonce */
    uint8_t chain[] = { 201, 0, 0, 5, 9, PL_NONCE, 0, 0, 4, 0, 0, 0, 4 };

    first = 200;
    cr_assert_eq(parse_copy(inner, chain, sizeof chain), OK);
    cr_assert_eq(got.n, 1, "skipped");
    cr_assert_eq(got.p[0].type, PL_NONCE);
    chain[6] = 0x80;
    critical = 0;
    got.n = 77;
    cr_assert_eq(parse_copy(inner, chain, sizeof chain), E_CRITICAL_PAYLOAD);
    cr_assert_eq(critical, 201);
    cr_assert_eq(got.n, 77, "untouched on failure");
    /* The critical bit on a known payload means nothing. */
    chain[6] = 0;
    chain[10] = 0x80;
    cr_assert_eq(parse_copy(inner, chain, sizeof chain), OK);
    cr_assert(got.p[0].critical);
    /* Reserved bits of the flags octet are ignored. */
    chain[6] = 0x7f;
    cr_assert_eq(parse_copy(inner, chain, sizeof chain), OK);
    cr_assert_not(payload_known(200));
    cr_assert_not(payload_known(0));
    cr_assert_not(payload_known(49));
}

Test(payload_chain, limit)
{
    uint8_t chain[4 * (LIMIT_PAYLOADS + 1)];

    for (size_t skipped = 0; skipped < 2; skipped++) {
        uint8_t type = skipped ? 222 : PL_VENDOR;

        for (size_t i = 0; i < sizeof chain; i += 4) {
            chain[i] = type;
            chain[i + 1] = chain[i + 2] = 0;
            chain[i + 3] = 4;
        }
        first = type;
        chain[4 * LIMIT_PAYLOADS] = PL_NONE;
        cr_assert_eq(parse_copy(inner, chain, sizeof chain), E_LIMIT);
        chain[4 * (LIMIT_PAYLOADS - 1)] = PL_NONE;
        cr_assert_eq(parse_copy(inner, chain, sizeof chain - 4), OK);
        cr_assert_eq(got.n, skipped ? 0 : LIMIT_PAYLOADS);
    }
}
