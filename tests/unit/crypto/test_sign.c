#include "tests/unit/crypto/pki.h"
#include "tests/unit/crypto/vectors.h"

#include "node/crypto/auth.h"
#include "node/crypto/prf.h"
#include "node/crypto/sign.h"
#include "statesync/base/wr.h"

struct pair {
    EVP_PKEY *pkey;
    struct sign_key *key;
    struct pubkey *pub;
};

static struct pair pair_new(const char *kind)
{
    struct pair p = { .pkey = key_new(kind) };
    struct octets file = key_file(p.pkey, true);

    cr_assert_eq(sign_key_load(octets_span(&file), &p.key), OK, "%s", kind);
    cr_assert_eq(sign_key_public(p.key, &p.pub), OK);
    cr_assert(sign_key_matches(p.key, p.pub));
    return p;
}

static void pair_free(struct pair *p)
{
    EVP_PKEY_free(p->pkey);
    sign_key_free(p->key);
    pubkey_free(p->pub);
}

static const struct {
    const char *kind;
    uint8_t method;  /* without RFC 7427; 0: none */
    unsigned hash;   /* what it should take when it may choose */
    size_t classic;  /* octets of the classic signature */
    uint8_t id_tail; /* last octet of its AlgorithmIdentifier */
    uint8_t id_len;
} kinds[] = {
    { "P-256", 9, SIGN_HASH_SHA2_256, 64, 0x02, 12 },
    { "P-384", 10, SIGN_HASH_SHA2_384, 96, 0x03, 12 },
    { "P-521", 11, SIGN_HASH_SHA2_512, 132, 0x04, 12 },
    { "RSA2048", 0, SIGN_HASH_SHA2_256, 0, 0x20, 67 },
    { "RSA3072", 0, SIGN_HASH_SHA2_256, 0, 0x20, 67 },
    { "ED25519", 0, SIGN_HASH_IDENTITY, 0, 0x70, 7 },
    { "ED448", 0, SIGN_HASH_IDENTITY, 0, 0x71, 7 },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct span none[1];

Test(sign, digital_and_classic_round_trip, .timeout = 60)
{
    struct span parts[] = { span_str("the first message"), span_str("nonce"), span_str("maced") };
    struct span other[] = { span_str("the first message"), span_str("nonce"), span_str("macee") };

    for (size_t i = 0; i < KINDS; i++) {
        struct pair p = pair_new(kinds[i].kind);
        uint8_t method = 0, auth[SIGN_MAX];
        size_t len = 0;

        cr_assert_eq(sign_choose(p.key, SIGN_HASH_ALL, &method), OK);
        cr_assert_eq(method, SIGN_METHOD_DIGITAL);
        cr_assert_eq(sign_make(p.key, method, SIGN_HASH_ALL, false, parts, 3, auth, &len), OK);
        cr_assert_eq(auth[0], kinds[i].id_len);
        cr_assert_eq(auth[auth[0]], kinds[i].id_tail);
        cr_assert_eq(sign_verify(p.pub, method, SIGN_HASH_ALL, span_of(auth, len), parts, 3), OK);
        cr_assert_eq(sign_verify(p.pub, method, kinds[i].hash, span_of(auth, len), parts, 3), OK);
        cr_assert_eq(sign_verify(p.pub, method, SIGN_HASH_ALL & ~kinds[i].hash, span_of(auth, len),
                                 parts, 3),
                     E_AUTH_FAILED, "a hash that we did not announce");
        cr_assert_eq(sign_verify(p.pub, method, SIGN_HASH_ALL, span_of(auth, len), other, 3),
                     E_AUTH_FAILED);

        if (kinds[i].method == 0) {
            cr_assert_eq(sign_choose(p.key, 0, &method), E_AUTH_FAILED, "needs RFC 7427");
        } else {
            cr_assert_eq(sign_choose(p.key, 0, &method), OK);
            cr_assert_eq(method, kinds[i].method);
            cr_assert_eq(sign_make(p.key, method, 0, false, parts, 3, auth, &len), OK);
            cr_assert_eq(len, kinds[i].classic);
            cr_assert_eq(sign_verify(p.pub, method, 0, span_of(auth, len), parts, 3), OK);
            cr_assert_eq(sign_verify(p.pub, method, 0, span_of(auth, len), other, 3),
                         E_AUTH_FAILED);
            cr_assert_eq(sign_verify(p.pub, method, 0, span_of(auth, len - 1), parts, 3),
                         E_AUTH_FAILED);
            cr_assert_eq(sign_verify(p.pub, method == 9 ? 10 : 9, 0, span_of(auth, len), parts, 3),
                         E_AUTH_FAILED, "method of another curve");
            memset(auth, 0, len);
            cr_assert_eq(sign_verify(p.pub, method, 0, span_of(auth, len), parts, 3), E_AUTH_FAILED,
                         "r = s = 0");
        }
        pair_free(&p);
    }
}

Test(sign, forgeries, .timeout = 60)
{
    struct span parts[] = { span_str("octets to sign") };

    for (size_t i = 0; i < KINDS; i++) {
        struct pair p = pair_new(kinds[i].kind), q = pair_new(kinds[i].kind);
        uint8_t auth[SIGN_MAX];
        size_t len = 0;

        cr_assert_eq(sign_make(p.key, 14, SIGN_HASH_ALL, false, parts, 1, auth, &len), OK);
        cr_assert_eq(sign_verify(q.pub, 14, SIGN_HASH_ALL, span_of(auth, len), parts, 1),
                     E_AUTH_FAILED, "another key");
        for (size_t at = 0; at < len; at += 7) {
            auth[at] ^= 0x01;
            cr_assert_eq(sign_verify(p.pub, 14, SIGN_HASH_ALL, span_of(auth, len), parts, 1),
                         E_AUTH_FAILED, "octet %zu of %s", at, kinds[i].kind);
            auth[at] ^= 0x01;
        }
        for (size_t n = 0; n < len; n += 5)
            cr_assert_eq(sign_verify(p.pub, 14, SIGN_HASH_ALL, span_of(auth, n), parts, 1),
                         E_AUTH_FAILED, "cut to %zu", n);
        cr_assert_eq(sign_verify(p.pub, 14, SIGN_HASH_ALL, span_of(auth, len), parts, 1), OK);
        cr_assert_eq(sign_verify(p.pub, 14, SIGN_HASH_ALL, span_of(auth, len), none, 0),
                     E_AUTH_FAILED);
        pair_free(&p);
        pair_free(&q);
    }
}

Test(sign, hash_follows_the_peer, .timeout = 60)
{
    struct pair rsa = pair_new("RSA2048"), ec = pair_new("P-256"), ed = pair_new("ED25519");
    struct span parts[] = { span_str("octets") };
    uint8_t auth[SIGN_MAX], method = 0;
    size_t len = 0;

    cr_assert_eq(sign_make(rsa.key, 14, SIGN_HASH_SHA2_512, false, parts, 1, auth, &len), OK);
    cr_assert_eq(auth[auth[0]], 0x40, "PSS with a salt of 64");
    cr_assert_eq(sign_verify(rsa.pub, 14, SIGN_HASH_SHA2_512, span_of(auth, len), parts, 1), OK);
    cr_assert_eq(sign_make(rsa.key, 14, SIGN_HASH_SHA2_384, true, parts, 1, auth, &len), OK);
    cr_assert_eq(auth[0], 15, "PKCS#1 v1.5");
    cr_assert_eq(auth[auth[0] - 2], 0x0c, "sha384WithRSAEncryption");
    cr_assert_eq(sign_verify(rsa.pub, 14, SIGN_HASH_ALL, span_of(auth, len), parts, 1), OK);
    cr_assert_eq(sign_make(ec.key, 14, SIGN_HASH_SHA2_384, false, parts, 1, auth, &len), OK);
    cr_assert_eq(auth[auth[0]], 0x03);
    cr_assert_eq(sign_verify(ec.pub, 14, SIGN_HASH_ALL, span_of(auth, len), parts, 1), OK);
    /* Only SHA-1 on offer (bit 1), or only the identity hash. */
    cr_assert_eq(sign_choose(rsa.key, 1 << 1, &method), E_AUTH_FAILED);
    cr_assert_eq(sign_make(rsa.key, 14, 1 << 1, false, parts, 1, auth, &len), E_AUTH_FAILED);
    cr_assert_eq(sign_choose(ec.key, SIGN_HASH_IDENTITY, &method), OK);
    cr_assert_eq(method, 9);
    cr_assert_eq(sign_choose(ed.key, SIGN_HASH_SHA2_256, &method), E_AUTH_FAILED);
    pair_free(&rsa);
    pair_free(&ec);
    pair_free(&ed);
}

Test(sign, method_1_is_refused, .timeout = 60)
{
    struct pair rsa = pair_new("RSA2048");
    struct span parts[] = { span_str("octets") };
    uint8_t auth[SIGN_MAX], hash[20], sig[256];
    size_t len = 0, sig_len = sizeof sig;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(rsa.pkey, NULL);

    cr_assert_eq(sign_make(rsa.key, 1, SIGN_HASH_ALL, false, parts, 1, auth, &len), E_AUTH_FAILED);
    /* A signature that would be right under method 1. */
    EVP_Digest("octets", 6, hash, NULL, EVP_sha1(), NULL);
    cr_assert_eq(EVP_PKEY_sign_init(c), 1);
    EVP_PKEY_CTX_set_signature_md(c, EVP_sha1());
    cr_assert_eq(EVP_PKEY_sign(c, sig, &sig_len, hash, 20), 1);
    cr_assert_eq(sign_verify(rsa.pub, 1, SIGN_HASH_ALL, span_of(sig, sig_len), parts, 1),
                 E_AUTH_FAILED);
    for (unsigned m = 0; m < 256; m++)
        if (m != 14)
            cr_assert_eq(
                sign_verify(rsa.pub, (uint8_t)m, SIGN_HASH_ALL, span_of(sig, sig_len), parts, 1),
                E_AUTH_FAILED);
    EVP_PKEY_CTX_free(c);
    pair_free(&rsa);
}

/* PSS as others encode it: hash parameters absent, another salt length; and what must not pass. */
Test(sign, pss_parameters, .timeout = 60)
{
    /* SEQUENCE { id-RSASSA-PSS, SEQUENCE { [0] {sha256 without NULL}, [1] {mgf1, {sha256}}, [2] 32
     * } } */
    static const uint8_t no_null[] = {
        0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,
        0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
        0x03, 0x04, 0x02, 0x01, 0xa1, 0x1a, 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48,
        0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
        0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0xa2, 0x03, 0x02, 0x01, 0x20,
    };
    /* All parameters left out: SHA-1. */
    static const uint8_t defaults[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x00 };
    struct pair rsa = pair_new("RSA2048");
    struct span parts[] = { span_str("octets") };
    uint8_t auth[SIGN_MAX], again[SIGN_MAX];
    struct wr w = wr_of(again, sizeof again);
    size_t len = 0;
    struct span sig;

    cr_assert_eq(sign_make(rsa.key, 14, SIGN_HASH_SHA2_256, false, parts, 1, auth, &len), OK);
    sig = span_of(auth + 1 + auth[0], len - 1 - auth[0]);
    wr_u8(&w, sizeof no_null);
    wr_bytes(&w, span_of(no_null, sizeof no_null));
    wr_bytes(&w, sig);
    cr_assert_eq(sign_verify(rsa.pub, 14, SIGN_HASH_ALL, wr_span(&w), parts, 1), OK);
    again[sizeof no_null] = 0x1f; /* says salt 31, the signature has 32 */
    cr_assert_eq(sign_verify(rsa.pub, 14, SIGN_HASH_ALL, wr_span(&w), parts, 1), E_AUTH_FAILED);
    again[sizeof no_null] = 0x20;
    again[1 + 57] = 0x02; /* MGF1 with SHA-384, hash SHA-256 */
    cr_assert_eq(sign_verify(rsa.pub, 14, SIGN_HASH_ALL, wr_span(&w), parts, 1), E_AUTH_FAILED);
    w = wr_of(again, sizeof again);
    wr_u8(&w, sizeof defaults);
    wr_bytes(&w, span_of(defaults, sizeof defaults));
    wr_bytes(&w, sig);
    cr_assert_eq(sign_verify(rsa.pub, 14, SIGN_HASH_ALL, wr_span(&w), parts, 1), E_AUTH_FAILED);
    pair_free(&rsa);
}

Test(sign, keys_that_are_not_taken, .timeout = 60)
{
    static const char *const weak[] = { "RSA1024", "RSA-e3", "secp256k1" };
    struct sign_key *key = NULL;
    struct pubkey *pub = NULL;
    struct octets file;
    EVP_PKEY *k;
    BIO *b;

    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        k = key_new(weak[i]);
        file = key_file(k, true);
        cr_assert_eq(sign_key_load(octets_span(&file), &key), E_CONFIG, "%s", weak[i]);
        EVP_PKEY_free(k);
    }
    k = key_new("P-256");
    file = key_file(k, false);
    cr_assert_eq(sign_key_load(octets_span(&file), &key), OK, "DER");
    key = sign_key_free(key);
    for (size_t n = 0; n < file.len; n += 3)
        cr_assert_eq(sign_key_load(span_of(file.p, n), &key), E_CONFIG, "cut to %zu", n);
    /* Encrypted: an error, no question on the terminal. */
    b = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(b, k, EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
                 1);
    file.len = (size_t)BIO_read(b, file.p, DER_MAX);
    cr_assert_eq(sign_key_load(octets_span(&file), &key), E_CONFIG);
    cr_assert_eq(pubkey_load(span_str("rubbish"), &pub), E_BAD_VALUE);
    cr_assert_eq(pubkey_load(SPAN_NONE, &pub), E_BAD_VALUE);
    cr_assert(key == NULL && pub == NULL);
    BIO_free(b);
    EVP_PKEY_free(k);
}

/* As `openssl ecparam -genkey` writes it: a parameter block in front of the key. */
Test(sign, key_file_with_parameters_in_front)
{
    static const char params[] = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                 "-----END EC PARAMETERS-----\n";
    EVP_PKEY *k = key_new("P-256");
    struct octets file = key_file(k, true), all = { 0 };
    struct sign_key *key = NULL;
    struct wr w = wr_of(all.p, sizeof all.p);

    wr_bytes(&w, span_str(params));
    wr_bytes(&w, octets_span(&file));
    cr_assert_eq(sign_key_load(wr_span(&w), &key), OK);
    sign_key_free(key);
    EVP_PKEY_free(k);
}

Test(pubkey, load_and_compare)
{
    struct pair p = pair_new("P-384"), q = pair_new("P-384");
    struct octets o = { 0 };
    unsigned char *at = o.p;
    struct pubkey *pub = NULL;

    o.len = (size_t)i2d_PUBKEY(p.pkey, &at);
    cr_assert_eq(pubkey_load(octets_span(&o), &pub), OK);
    cr_assert(pubkey_eq(pub, p.pub));
    cr_assert(!pubkey_eq(pub, q.pub));
    cr_assert(!sign_key_matches(q.key, pub));
    pubkey_free(pub);
    pair_free(&p);
    pair_free(&q);
}

/* RFC 7296 2.15 written out with prf calls of the test's own order. */
Test(auth, psk)
{
    struct secret sk_p = vec_secret(span_str("sk_pi of thirty-two octets......"));
    struct span msg = span_str("message"), nonce = span_str("nonce"),
                id = span_of("\1\0\0\0abcd", 8);
    struct span psk = span_str("psk"), pad = span_str("Key Pad for IKEv2");
    uint8_t maced[SUITE_PRF_MAX], inner[SUITE_PRF_MAX], want[SUITE_PRF_MAX], got[SUITE_PRF_MAX];
    struct auth_octets o, other;
    size_t len = 0;

    cr_assert_eq(prf(5, secret_expose(&sk_p), &id, 1, maced), OK);
    cr_assert_eq(prf(5, psk, &pad, 1, inner), OK);
    {
        struct span parts[] = { msg, nonce, span_of(maced, 32) };

        cr_assert_eq(prf(5, span_of(inner, 32), parts, 3, want), OK);
    }
    cr_assert_eq(auth_octets_init(&o, 5, &sk_p, msg, nonce, id), OK);
    cr_assert_eq(auth_psk_make(5, psk, &o, got, &len), OK);
    cr_assert_span_eq(span_of(got, len), span_of(want, 32));
    cr_assert_eq(auth_psk_verify(5, psk, &o, span_of(want, 32)), OK);
    cr_assert_eq(auth_psk_verify(5, span_str("psj"), &o, span_of(want, 32)), E_AUTH_FAILED);
    cr_assert_eq(auth_psk_verify(5, psk, &o, span_of(want, 31)), E_AUTH_FAILED);
    cr_assert_eq(auth_psk_verify(5, psk, &o, SPAN_NONE), E_AUTH_FAILED);
    cr_assert_eq(auth_psk_verify(5, SPAN_NONE, &o, span_of(want, 32)), E_AUTH_FAILED, "no key");
    cr_assert_eq(auth_octets_init(&other, 5, &sk_p, msg, span_str("nonse"), id), OK);
    cr_assert_eq(auth_psk_verify(5, psk, &other, span_of(want, 32)), E_AUTH_FAILED);
    cr_assert_eq(auth_octets_init(&other, 5, &sk_p, msg, nonce, span_str("another id")), OK);
    cr_assert_eq(auth_psk_verify(5, psk, &other, span_of(want, 32)), E_AUTH_FAILED);
}

Test(auth, signature)
{
    struct secret sk_p = vec_secret(span_str("sk_pi of thirty-two octets......"));
    struct pair p = pair_new("P-256");
    uint8_t auth[SIGN_MAX];
    struct auth_octets o, other;
    size_t len = 0;

    cr_assert_eq(auth_octets_init(&o, 7, &sk_p, span_str("m"), span_str("n"), span_str("i")), OK);
    cr_assert_eq(o.maced_id_len, 64);
    cr_assert_eq(auth_octets_init(&other, 7, &sk_p, span_str("m"), span_str("n"), span_str("j")),
                 OK);
    cr_assert_eq(auth_sign(p.key, 14, SIGN_HASH_ALL, false, &o, auth, &len), OK);
    cr_assert_eq(auth_verify(p.pub, 14, SIGN_HASH_ALL, span_of(auth, len), &o), OK);
    cr_assert_eq(auth_verify(p.pub, 14, SIGN_HASH_ALL, span_of(auth, len), &other), E_AUTH_FAILED);
    pair_free(&p);
}
