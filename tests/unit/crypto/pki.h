/* pki: keys and certificates made while a test runs, through OpenSSL's API. */
#pragma once

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "statesync/base/span.h"

enum { DER_MAX = 8192 };

struct octets {
    size_t len;
    uint8_t p[DER_MAX];
};

static inline struct span octets_span(const struct octets *o)
{
    return span_of(o->p, o->len);
}

/* "P-256", "P-384", "P-521", "ED25519", "ED448", "RSA2048", "RSA3072", "RSA1024", "RSA-e3",
 * "secp256k1". */
static inline EVP_PKEY *key_new(const char *kind)
{
    EVP_PKEY *k = NULL;

    if (strncmp(kind, "RSA", 3) == 0) {
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        int bits = strcmp(kind, "RSA-e3") == 0 ? 2048 : atoi(kind + 3);
        BIGNUM *e = BN_new();

        cr_assert_eq(EVP_PKEY_keygen_init(c), 1);
        cr_assert_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(c, bits), 1);
        BN_set_word(e, strcmp(kind, "RSA-e3") == 0 ? 3 : 65537);
        cr_assert_eq(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(c, e), 1);
        cr_assert_eq(EVP_PKEY_generate(c, &k), 1);
        BN_free(e);
        EVP_PKEY_CTX_free(c);
    } else if (strncmp(kind, "ED", 2) == 0) {
        k = EVP_PKEY_Q_keygen(NULL, NULL, kind);
    } else {
        k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    }
    cr_assert_not_null(k, "%s", kind);
    return k;
}

/* PKCS#8 as PEM or DER. */
static inline struct octets key_file(EVP_PKEY *k, bool pem)
{
    struct octets o = { 0 };
    BIO *b = BIO_new(BIO_s_mem());

    if (pem)
        cr_assert_eq(PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL), 1);
    else
        cr_assert_eq(i2d_PrivateKey_bio(b, k), 1);
    o.len = (size_t)BIO_read(b, o.p, DER_MAX);
    BIO_free(b);
    return o;
}

struct cert_spec {
    const char *subject; /* its CN; O is fixed */
    const char *san;     /* "DNS:gw.example.org,IP:192.0.2.1" or NULL */
    const char *eku;     /* "serverAuth" or NULL */
    const char *usage;   /* "digitalSignature" or NULL */
    long from_s, to_s;   /* seconds from NOW */
    bool ca;
    const EVP_MD *md; /* NULL: SHA-256, or what EdDSA wants */
};

/* The time that tests live in: 2024-01-01 00:00:00 UTC. */
enum { NOW = 1704067200 };

static inline void cert_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX c;
    X509_EXTENSION *e;

    X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    cr_assert_not_null(e, "%s", value);
    cr_assert_eq(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

/* issuer NULL: self-signed with key. */
static inline X509 *cert_new(const struct cert_spec *s, EVP_PKEY *key, X509 *issuer,
                             EVP_PKEY *issuer_key)
{
    static long serial = 1;
    X509 *x = X509_new();
    X509_NAME *n = X509_get_subject_name(x);
    EVP_PKEY *signer = issuer_key == NULL ? key : issuer_key;
    bool eddsa = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ||
                 EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED448;
    long to = s->to_s != 0 ? s->to_s : 86400;

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC, (const uint8_t *)"Example", -1, -1, 0);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)s->subject, -1, -1, 0);
    X509_set_issuer_name(x, issuer == NULL ? n : X509_get_subject_name(issuer));
    ASN1_TIME_set(X509_getm_notBefore(x), NOW + (s->from_s != 0 ? s->from_s : -86400));
    ASN1_TIME_set(X509_getm_notAfter(x), NOW + to);
    cr_assert_eq(X509_set_pubkey(x, key), 1);
    cert_ext(x, issuer == NULL ? x : issuer, NID_basic_constraints,
             s->ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (s->ca)
        cert_ext(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (s->usage != NULL)
        cert_ext(x, x, NID_key_usage, s->usage);
    if (s->eku != NULL)
        cert_ext(x, x, NID_ext_key_usage, s->eku);
    if (s->san != NULL)
        cert_ext(x, x, NID_subject_alt_name, s->san);
    cr_assert(X509_sign(x, signer, eddsa ? NULL : s->md != NULL ? s->md : EVP_sha256()) > 0);
    return x;
}

static inline struct octets cert_der(X509 *x)
{
    struct octets o = { 0 };
    unsigned char *at = o.p;

    cr_assert(i2d_X509(x, NULL) <= DER_MAX);
    o.len = (size_t)i2d_X509(x, &at);
    return o;
}

static inline struct octets certs_pem(X509 *const *certs, size_t n)
{
    struct octets o = { 0 };
    BIO *b = BIO_new(BIO_s_mem());

    for (size_t i = 0; i < n; i++)
        cr_assert_eq(PEM_write_bio_X509(b, certs[i]), 1);
    o.len = (size_t)BIO_read(b, o.p, DER_MAX);
    BIO_free(b);
    return o;
}
