#include "tests/unit/crypto/vectors.h"

#include <openssl/bn.h>

#include "node/crypto/dh.h"

static const uint16_t groups[] = { 14, 15, 16, 19, 20, 21, 31, 32 };
enum { GROUPS = sizeof groups / sizeof groups[0] };

Test(dh, vectors)
{
    json_t *all = vectors("dh"), *v;
    size_t i;

    cr_assert_eq(json_array_size(all), GROUPS, "one per group");
    json_array_foreach(all, i, v)
    {
        struct secret priv = vec_secret(vec_hex(v, "a_priv"));
        uint16_t group = vec_u16(v, "group");
        struct dh_shared shared;
        struct dh *a = NULL, *b = NULL;

        cr_assert_eq(dh_from_private(group, &priv, &a), OK, "group %u", group);
        priv = vec_secret(vec_hex(v, "b_priv"));
        cr_assert_eq(dh_from_private(group, &priv, &b), OK);
        cr_assert_eq(dh_group(a), group);
        cr_assert_span_eq(dh_public(a), vec_hex(v, "a_pub"));
        cr_assert_span_eq(dh_public(b), vec_hex(v, "b_pub"));
        cr_assert_eq(dh_compute(a, dh_public(b), &shared), OK);
        cr_assert_span_eq(span_of(shared.data, shared.len), vec_hex(v, "shared"));
        cr_assert_eq(dh_compute(b, dh_public(a), &shared), OK);
        cr_assert_span_eq(span_of(shared.data, shared.len), vec_hex(v, "shared"));
        cr_assert_null(dh_free(a));
        dh_free(b);
    }
}

Test(dh, fresh_pairs_agree_and_survive_their_node)
{
    uint64_t seed = 4711;
    struct env env = { .ctx = &seed, .random = test_random };

    for (size_t i = 0; i < GROUPS; i++) {
        struct dh *a = NULL, *b = NULL, *a2 = NULL;
        struct dh_shared x, y;

        cr_assert_eq(dh_new(&env, groups[i], &a), OK);
        cr_assert_eq(dh_new(&env, groups[i], &b), OK);
        cr_assert_eq(dh_public(a).len, dh_info(groups[i])->public_len);
        cr_assert(!span_eq(dh_public(a), dh_public(b)));
        cr_assert_eq(dh_from_private(groups[i], dh_private(a), &a2), OK);
        cr_assert_span_eq(dh_public(a2), dh_public(a));
        cr_assert_eq(dh_compute(a2, dh_public(b), &x), OK);
        cr_assert_eq(dh_compute(b, dh_public(a), &y), OK);
        cr_assert_eq(x.len, dh_info(groups[i])->shared_len);
        cr_assert_span_eq(span_of(x.data, x.len), span_of(y.data, y.len));
        dh_free(a);
        dh_free(b);
        dh_free(a2);
    }
}

Test(dh, one_seed_one_key)
{
    uint64_t s1 = 99, s2 = 99;
    struct env e1 = { .ctx = &s1, .random = test_random };
    struct env e2 = { .ctx = &s2, .random = test_random };

    for (size_t i = 0; i < GROUPS; i++) {
        struct dh *a = NULL, *b = NULL;

        cr_assert_eq(dh_new(&e1, groups[i], &a), OK);
        cr_assert_eq(dh_new(&e2, groups[i], &b), OK);
        cr_assert_span_eq(dh_public(a), dh_public(b));
        dh_free(a);
        dh_free(b);
    }
}

/* dh_compute of a fresh key with this value, which must leave ret untouched. */
static enum err against(uint16_t group, struct span peer)
{
    uint64_t seed = 7;
    struct env env = { .ctx = &seed, .random = test_random };
    struct dh_shared s = { .len = 12345 };
    struct dh *d = NULL;
    enum err e;

    cr_assert_eq(dh_new(&env, group, &d), OK);
    e = dh_compute(d, peer, &s);
    if (e != OK)
        cr_assert_eq(s.len, 12345);
    dh_free(d);
    return e;
}

Test(dh, wrong_lengths)
{
    static uint8_t octets[SUITE_DH_MAX + 1] = { 3 };

    for (size_t i = 0; i < GROUPS; i++) {
        size_t len = dh_info(groups[i])->public_len;

        cr_assert_eq(against(groups[i], span_of(octets, len - 1)), E_BAD_VALUE);
        cr_assert_eq(against(groups[i], span_of(octets, len + 1)), E_BAD_VALUE);
        cr_assert_eq(against(groups[i], SPAN_NONE), E_BAD_VALUE);
    }
}

Test(dh, points_that_are_not_on_the_curve)
{
    static const uint16_t ecp[] = { 19, 20, 21 };
    uint64_t seed = 8;
    struct env env = { .ctx = &seed, .random = test_random };

    for (size_t i = 0; i < 3; i++) {
        uint8_t point[132], ones[132], zeros[132] = { 0 };
        struct dh *d = NULL;
        size_t len = dh_info(ecp[i])->public_len;

        cr_assert_eq(dh_new(&env, ecp[i], &d), OK);
        memcpy(point, dh_public(d).p, len);
        cr_assert_eq(against(ecp[i], span_of(point, len)), OK);
        point[len - 1] ^= 1;
        cr_assert_eq(against(ecp[i], span_of(point, len)), E_BAD_VALUE, "y changed");
        memset(ones, 0xff, sizeof ones);
        cr_assert_eq(against(ecp[i], span_of(ones, len)), E_BAD_VALUE, "x, y above p");
        cr_assert_eq(against(ecp[i], span_of(zeros, len)), E_BAD_VALUE, "0, 0");
        dh_free(d);
    }
}

Test(dh, modp_range)
{
    static const struct {
        uint16_t group;
        BIGNUM *(*prime)(BIGNUM *);
    } modp[] = { { 14, BN_get_rfc3526_prime_2048 },
                 { 15, BN_get_rfc3526_prime_3072 },
                 { 16, BN_get_rfc3526_prime_4096 } };

    for (size_t i = 0; i < 3; i++) {
        BIGNUM *p = modp[i].prime(NULL);
        int len = dh_info(modp[i].group)->public_len;
        uint8_t v[SUITE_DH_MAX] = { 0 };

        cr_assert_eq(against(modp[i].group, span_of(v, (size_t)len)), E_BAD_VALUE, "0");
        v[len - 1] = 1;
        cr_assert_eq(against(modp[i].group, span_of(v, (size_t)len)), E_BAD_VALUE, "1");
        v[len - 1] = 2;
        cr_assert_eq(against(modp[i].group, span_of(v, (size_t)len)), OK, "2");
        BN_bn2binpad(p, v, len);
        cr_assert_eq(against(modp[i].group, span_of(v, (size_t)len)), E_BAD_VALUE, "p");
        BN_sub_word(p, 1);
        BN_bn2binpad(p, v, len);
        cr_assert_eq(against(modp[i].group, span_of(v, (size_t)len)), E_BAD_VALUE, "p - 1");
        BN_sub_word(p, 1);
        BN_bn2binpad(p, v, len);
        cr_assert_eq(against(modp[i].group, span_of(v, (size_t)len)), OK, "p - 2");
        memset(v, 0xff, sizeof v);
        cr_assert_eq(against(modp[i].group, span_of(v, (size_t)len)), E_BAD_VALUE, "above p");
        BN_free(p);
    }
}

/* RFC 7748 6.1 and the known points of small order. */
Test(dh, montgomery_small_order)
{
    static const char *const x25519[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t x448[56] = { 0 };

    for (size_t i = 0; i < sizeof x25519 / sizeof x25519[0]; i++)
        cr_assert_eq(against(31, unhex(x25519[i])), E_BAD_VALUE, "%s", x25519[i]);
    cr_assert_eq(against(32, span_of(x448, 56)), E_BAD_VALUE);
    x448[0] = 1;
    cr_assert_eq(against(32, span_of(x448, 56)), E_BAD_VALUE);
}

Test(dh, private_keys_out_of_range)
{
    struct secret s = { .len = 32 };
    struct dh *d = NULL;

    cr_assert_eq(dh_from_private(19, &s, &d), E_BAD_VALUE, "zero");
    memset(s.data, 0xff, 32);
    cr_assert_eq(dh_from_private(19, &s, &d), E_BAD_VALUE, "above the order");
    s.len = 31;
    cr_assert_eq(dh_from_private(19, &s, &d), E_BAD_VALUE, "short");
    cr_assert_eq(dh_from_private(31, &s, &d), E_BAD_VALUE, "short");
    s.len = 32;
    cr_assert_eq(dh_from_private(2, &s, &d), E_UNSUPPORTED);
    cr_assert_null(d);
    cr_assert_null(dh_free(NULL));
}
