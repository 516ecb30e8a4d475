#include "tests/unit/crypto/vectors.h"

#include <pthread.h>

#include "node/crypto/crypto.h"
#include "node/crypto/prf.h"

Test(prf, vectors)
{
    json_t *all = vectors("hmac"), *v;
    size_t i;

    cr_assert_eq(crypto_init(), OK);
    json_array_foreach(all, i, v)
    {
        struct span key = vec_hex(v, "key"), data = vec_hex(v, "data"), want = vec_hex(v, "mac");
        struct span two[] = { span_of(data.p, 5), span_of(data.p + 5, data.len - 5) };
        uint8_t out[SUITE_PRF_MAX];

        cr_assert_eq(prf(vec_u16(v, "prf"), key, &data, 1, out), OK);
        cr_assert_span_eq(span_of(out, want.len), want);
        cr_assert_eq(prf(vec_u16(v, "prf"), key, two, 2, out), OK, "in parts");
        cr_assert_span_eq(span_of(out, want.len), want);
        /* The integrity algorithm of the same digest is the same, cut. */
        cr_assert_eq(integ_mac(vec_u16(v, "prf") + 7, key, two, 2, out), OK);
        cr_assert_span_eq(span_of(out, want.len / 2), span_of(want.p, want.len / 2));
    }
}

Test(prf, empty_key_is_not_the_key_before)
{
    struct span data = span_str("data");
    uint8_t a[SUITE_PRF_MAX], b[SUITE_PRF_MAX];

    cr_assert_eq(prf(ALG_PRF_HMAC_SHA2_256, span_str("secret"), &data, 1, a), OK);
    cr_assert_eq(prf(ALG_PRF_HMAC_SHA2_256, SPAN_NONE, &data, 1, b), OK);
    cr_assert(memcmp(a, b, 32) != 0);
}

Test(prf_plus, vectors)
{
    json_t *all = vectors("prf_plus"), *v;
    static uint8_t out[255 * 64 + 1];
    size_t i;

    json_array_foreach(all, i, v)
    {
        struct span key = vec_hex(v, "key"), seed = vec_hex(v, "seed"), want = vec_hex(v, "out");
        struct span parts[] = { span_of(seed.p, 10), SPAN_NONE, span_of(seed.p + 10, 30),
                                span_of(seed.p + 40, seed.len - 40) };

        out[want.len] = 0xa5;
        cr_assert_eq(prf_plus(vec_u16(v, "prf"), key, parts, 4, out, want.len), OK);
        cr_assert_span_eq(span_of(out, want.len), want);
        cr_assert_eq(out[want.len], 0xa5, "wrote past the end");
    }
}

Test(prf_plus, refuses)
{
    struct span s = span_str("x");
    static uint8_t out[255 * 32 + 1];

    cr_assert_eq(prf_plus(ALG_PRF_HMAC_SHA2_256, s, &s, 1, out, sizeof out), E_LIMIT);
    cr_assert_eq(prf_plus(2, s, &s, 1, out, 32), E_UNSUPPORTED, "HMAC-SHA1");
    cr_assert_eq(prf(4, s, &s, 1, out), E_UNSUPPORTED);
    cr_assert_eq(integ_mac(2, s, &s, 1, out), E_UNSUPPORTED, "SHA1-96");
}

static void *in_thread(void *arg)
{
    struct span data = span_str("data");

    for (int i = 0; i < 1000; i++)
        if (prf(ALG_PRF_HMAC_SHA2_512, span_str("key"), &data, 1, arg) != OK)
            return arg;
    return NULL;
}

Test(prf, threads_do_not_share_contexts)
{
    uint8_t out[4][SUITE_PRF_MAX];
    pthread_t t[4];
    void *failed;

    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&t[i], NULL, in_thread, out[i]), 0);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(t[i], &failed), 0);
        cr_assert_null(failed);
        cr_assert(memcmp(out[i], out[0], 64) == 0);
    }
}
