#include "tests/unit/crypto/vectors.h"

#include "node/sa/keymat.h"
#include "statesync/base/rd.h"

static struct dh_shared shared_of(struct span s)
{
    struct dh_shared g = { .len = s.len };

    memcpy(g.data, s.p, s.len);
    return g;
}

static uint64_t spi(json_t *v, const char *key)
{
    struct rd r = rd_of(vec_hex(v, key));
    uint64_t x = 0;

    cr_assert_eq(rd_u64(&r, &x), OK);
    return x;
}

static void keys_are(json_t *want, const struct secret *const *got, size_t n)
{
    cr_assert_eq(json_array_size(want), n);
    for (size_t i = 0; i < n; i++)
        cr_assert_span_eq(secret_expose(got[i]), unhex(json_string_value(json_array_get(want, i))));
}

static void ike_keys_are(json_t *want, const struct ike_keys *k)
{
    const struct secret *const got[] = { &k->sk_d,  &k->sk_ai, &k->sk_ar, &k->sk_ei,
                                         &k->sk_er, &k->sk_pi, &k->sk_pr };

    keys_are(want, got, 7);
}

static void child_keys_are(json_t *want, const struct child_keys *k)
{
    const struct secret *const got[] = { &k->encr_i, &k->integ_i, &k->encr_r, &k->integ_r };

    keys_are(want, got, 4);
}

Test(keymat, vectors)
{
    json_t *all = vectors("keymat"), *v;
    size_t i;

    json_array_foreach(all, i, v)
    {
        struct ike_suite s = { vec_u16(v, "encr"), vec_u16(v, "bits"), vec_u16(v, "integ"),
                               vec_u16(v, "prf"), ALG_DH_CURVE25519 };
        struct esp_suite esp = { s.encr, s.encr_key_bits, s.integ, 0, true };
        struct span ni = vec_hex(v, "ni"), nr = vec_hex(v, "nr");
        struct dh_shared g = shared_of(vec_hex(v, "shared"));
        struct secret old = vec_secret(vec_hex(v, "old_sk_d"));
        uint16_t old_prf = vec_u16(v, "old_prf");
        uint64_t spi_i = spi(v, "spi_i"), spi_r = spi(v, "spi_r");
        struct child_keys c;
        struct ike_keys k;

        cr_assert_eq(keymat_ike(&s, &g, ni, nr, spi_i, spi_r, &k), OK);
        ike_keys_are(json_object_get(v, "ike"), &k);
        cr_assert_eq(keymat_ike_rekey(old_prf, &old, &s, &g, ni, nr, spi_i, spi_r, &k), OK);
        ike_keys_are(json_object_get(v, "rekey"), &k);
        cr_assert_eq(keymat_child(old_prf, &old, NULL, ni, nr, &esp, &c), OK);
        child_keys_are(json_object_get(v, "child"), &c);
        cr_assert_eq(keymat_child(old_prf, &old, &g, ni, nr, &esp, &c), OK);
        child_keys_are(json_object_get(v, "child_pfs"), &c);
        ike_keys_wipe(&k);
        child_keys_wipe(&c);
        cr_assert_eq(k.sk_d.len, 0);
        cr_assert_eq(c.encr_i.len, 0);
    }
}

Test(keymat, refuses_without_touching_the_output)
{
    struct ike_suite s = { ALG_ENCR_AES_GCM_16, 128, ALG_INTEG_HMAC_SHA2_256_128,
                           ALG_PRF_HMAC_SHA2_256, ALG_DH_CURVE25519 };
    struct dh_shared g = { .len = 32 };
    struct ike_keys k = { .sk_d.len = 99 };
    struct esp_suite esp = { ALG_ENCR_AES_CBC, 128, 0, 0, false };
    struct child_keys c = { .encr_i.len = 99 };
    struct secret sk_d = { .len = 32 };
    static uint8_t big[600];

    cr_assert_eq(keymat_ike(&s, &g, span_str("ni"), span_str("nr"), 1, 2, &k), E_NO_PROPOSAL);
    s.integ = 0;
    cr_assert_eq(keymat_ike(&s, &g, span_of(big, sizeof big), span_str("nr"), 1, 2, &k), E_LIMIT);
    cr_assert_eq(keymat_ike_rekey(2, &sk_d, &s, &g, span_str("ni"), span_str("nr"), 1, 2, &k),
                 E_UNSUPPORTED);
    cr_assert_eq(k.sk_d.len, 99);
    cr_assert_eq(keymat_child(5, &sk_d, NULL, span_str("ni"), span_str("nr"), &esp, &c),
                 E_NO_PROPOSAL);
    esp.integ = 12;
    cr_assert_eq(keymat_child(1, &sk_d, NULL, span_str("ni"), span_str("nr"), &esp, &c),
                 E_UNSUPPORTED);
    cr_assert_eq(c.encr_i.len, 99);
}
