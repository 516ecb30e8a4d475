#include "tests/unit/crypto/vectors.h"

#include "node/crypto/cookie.h"
#include "statesync/base/rd.h"

static const uint8_t nonce[32] = { 1, 2, 3 };

Test(cookie, accepted_for_two_slots_and_then_no_more)
{
    struct secret key = vec_secret(span_str("cluster key of at least 16 octets"));
    struct span ni = span_of(nonce, sizeof nonce);
    uint64_t t = 1700000000 / COOKIE_SLOT_S * COOKIE_SLOT_S;
    uint8_t c[COOKIE_LEN];
    struct ip_addr ip;

    cr_assert_eq(ip_parse("192.0.2.7", &ip), OK);
    cr_assert_eq(cookie_make(&key, t, ni, &ip, 0x1122, c), OK);
    cr_assert_eq(cookie_check(&key, t, ni, &ip, 0x1122, span_of(c, sizeof c)), OK);
    cr_assert_eq(
        cookie_check(&key, t + 2 * COOKIE_SLOT_S - 1, ni, &ip, 0x1122, span_of(c, sizeof c)), OK);
    cr_assert_eq(cookie_check(&key, t + 2 * COOKIE_SLOT_S, ni, &ip, 0x1122, span_of(c, sizeof c)),
                 E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, t - 1, ni, &ip, 0x1122, span_of(c, sizeof c)), OK,
                 "a clock slightly behind");
    cr_assert_eq(cookie_check(&key, t - COOKIE_SLOT_S - 1, ni, &ip, 0x1122, span_of(c, sizeof c)),
                 E_INTEGRITY);
}

Test(cookie, bound_to_everything)
{
    struct secret key = vec_secret(span_str("cluster key of at least 16 octets"));
    struct secret other = vec_secret(span_str("another cluster key"));
    struct span ni = span_of(nonce, sizeof nonce);
    struct ip_addr ip, ip2, ip6;
    uint8_t c[COOKIE_LEN + 1];

    cr_assert_eq(ip_parse("192.0.2.7", &ip), OK);
    cr_assert_eq(ip_parse("192.0.2.8", &ip2), OK);
    cr_assert_eq(ip_parse("2001:db8::1", &ip6), OK);
    cr_assert_eq(cookie_make(&key, 1000, ni, &ip, 5, c), OK);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 6, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip2, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip6, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&other, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, span_of(nonce, 31), &ip, 5, span_of(c, COOKIE_LEN)),
                 E_INTEGRITY);
    for (size_t n = 0; n < COOKIE_LEN; n++)
        cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, n)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN + 1)), E_INTEGRITY);
    for (size_t bit = 0; bit < COOKIE_LEN * 8; bit++) {
        c[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
        c[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN)), OK);
}

/* docs/formats/cookie.md */
Test(cookie, golden)
{
    json_t *all = vectors("cookie"), *v;
    size_t i;

    json_array_foreach(all, i, v)
    {
        struct secret key = vec_secret(vec_hex(v, "key"));
        uint64_t wall_s = (uint64_t)json_integer_value(json_object_get(v, "wall_s"));
        struct rd r = rd_of(vec_hex(v, "spi_i"));
        uint8_t c[COOKIE_LEN];
        struct ip_addr ip;
        uint64_t spi_i = 0;

        cr_assert_eq(rd_u64(&r, &spi_i), OK);
        cr_assert_eq(ip_from_span(vec_hex(v, "ip"), &ip), OK);
        cr_assert_eq(cookie_make(&key, wall_s, vec_hex(v, "ni"), &ip, spi_i, c), OK);
        cr_assert_span_eq(span_of(c, sizeof c), vec_hex(v, "cookie"));
    }
}
