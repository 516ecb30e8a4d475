#include "tests/unit/crypto/vectors.h"

#include "node/crypto/aead.h"

struct vec {
    struct aead_keys k;
    struct secret key, integ_key;
    struct span iv, aad, plain, cipher, icv;
};

static void vec_load(json_t *v, struct vec *x)
{
    *x = (struct vec){ .iv = vec_hex(v, "iv"),
                       .aad = vec_hex(v, "aad"),
                       .plain = vec_hex(v, "plain"),
                       .cipher = vec_hex(v, "cipher"),
                       .icv = vec_hex(v, "icv") };
    x->key = vec_secret(vec_hex(v, "key"));
    if (json_object_get(v, "integ_key") != NULL)
        x->integ_key = vec_secret(vec_hex(v, "integ_key"));
    x->k = (struct aead_keys){ .encr = vec_u16(v, "encr"),
                               .encr_key_bits = vec_u16(v, "bits"),
                               .integ = vec_u16(v, "integ"),
                               .encr_key = &x->key,
                               .integ_key = &x->integ_key };
}

static uint8_t text[256];

static void text_set(struct span s)
{
    memset(text, 0xa5, sizeof text);
    memcpy(text, s.p, s.len);
}

Test(aead, vectors)
{
    json_t *all = vectors("aead"), *v;
    size_t i;

    json_array_foreach(all, i, v)
    {
        uint8_t icv[SUITE_ICV_MAX];
        struct vec x;

        vec_load(v, &x);
        cr_assert_eq(x.icv.len, aead_icv_len(x.k.encr, x.k.encr_key_bits, x.k.integ));
        text_set(x.plain);
        cr_assert_eq(aead_seal(&x.k, x.iv, x.aad, text, x.plain.len, icv), OK);
        cr_assert_span_eq(span_of(text, x.plain.len), x.cipher);
        cr_assert_span_eq(span_of(icv, x.icv.len), x.icv);
        cr_assert_eq(text[x.plain.len], 0xa5, "wrote past the end");
        cr_assert_eq(aead_open(&x.k, x.iv, x.aad, text, x.plain.len, x.icv), OK);
        cr_assert_span_eq(span_of(text, x.plain.len), x.plain);
    }
}

/* The plaintext is nowhere in text after a refusal. */
static void refused(const struct vec *x, struct span iv, struct span aad, struct span cipher,
                    struct span icv)
{
    text_set(cipher);
    cr_assert_eq(aead_open(&x->k, iv, aad, text, cipher.len, icv), E_INTEGRITY);
    cr_assert(memcmp(text, x->plain.p, 16) != 0);
}

Test(aead, any_bit_anywhere)
{
    json_t *all = vectors("aead"), *v;
    size_t i;

    json_array_foreach(all, i, v)
    {
        struct vec x;
        struct span *fields[] = { &x.iv, &x.aad, &x.cipher, &x.icv };

        vec_load(v, &x);
        for (size_t f = 0; f < 4; f++)
            for (size_t bit = 0; bit < 8 * fields[f]->len; bit += 5) {
                uint8_t *p = (uint8_t *)(uintptr_t)fields[f]->p;

                p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                refused(&x, x.iv, x.aad, x.cipher, x.icv);
                p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
        refused(&x, x.iv, x.aad, x.cipher, span_of(x.icv.p, x.icv.len - 1));
        refused(&x, x.iv, span_of(x.aad.p, x.aad.len - 1), x.cipher, x.icv);
        x.key.data[0] ^= 1;
        if (x.k.integ == 0)
            refused(&x, x.iv, x.aad, x.cipher, x.icv);
        x.key.data[0] ^= 1;
        /* And unchanged it still opens: the loop did test the right thing. */
        text_set(x.cipher);
        cr_assert_eq(aead_open(&x.k, x.iv, x.aad, text, x.cipher.len, x.icv), OK);
    }
}

Test(aead, wrong_shapes)
{
    json_t *all = vectors("aead"), *v;
    size_t i;

    json_array_foreach(all, i, v)
    {
        uint8_t icv[SUITE_ICV_MAX];
        struct vec x;

        vec_load(v, &x);
        text_set(x.plain);
        cr_assert_eq(aead_seal(&x.k, span_of(x.iv.p, x.iv.len - 1), x.aad, text, x.plain.len, icv),
                     E_BAD_LENGTH);
        if (x.k.encr == ALG_ENCR_AES_CBC)
            cr_assert_eq(aead_seal(&x.k, x.iv, x.aad, text, 17, icv), E_BAD_LENGTH);
        x.key.len--;
        cr_assert_eq(aead_seal(&x.k, x.iv, x.aad, text, x.plain.len, icv), E_BAD_LENGTH);
        x.key.len++;
        x.k.integ = x.k.integ == 0 ? 12 : 0;
        cr_assert_eq(aead_seal(&x.k, x.iv, x.aad, text, x.plain.len, icv), E_UNSUPPORTED);
        cr_assert_span_eq(span_of(text, x.plain.len), x.plain);
    }
}

Test(aead, empty_text)
{
    struct secret key = { .len = 20 };
    struct aead_keys k = { 20, 128, 0, &key, NULL };
    uint8_t iv[8] = { 1 }, icv[16], none[1];

    cr_assert_eq(aead_seal(&k, span_of(iv, 8), span_str("aad"), none, 0, icv), OK);
    cr_assert_eq(aead_open(&k, span_of(iv, 8), span_str("aad"), none, 0, span_of(icv, 16)), OK);
    cr_assert_eq(aead_open(&k, span_of(iv, 8), span_str("aae"), none, 0, span_of(icv, 16)),
                 E_INTEGRITY);
}
