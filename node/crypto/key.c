/* key: loads private and public keys and judges their strength. See key.h, sign.h. */
#include "node/crypto/key.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, RSA_E_BITS_MIN = 17, RSA_E_BITS_MAX = 64 };

/* An exponent below 65537 needs no attack of its own to be a sign of a careless key; one above
 * 64 bits only costs the verifier time. */
static bool rsa_good(const EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);
    BIGNUM *e = NULL;
    bool ok = false;

    if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX &&
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
        ok = BN_num_bits(e) >= RSA_E_BITS_MIN && BN_num_bits(e) <= RSA_E_BITS_MAX && BN_is_odd(e);
    BN_free(e);
    return ok;
}

static bool ec_kind(const EVP_PKEY *pkey, enum key_kind *ret_kind)
{
    static const struct {
        const char *name;
        enum key_kind kind;
    } names[] = { { "prime256v1", KEY_EC256 },
                  { "secp384r1", KEY_EC384 },
                  { "secp521r1", KEY_EC521 } };
    char name[64];
    size_t len = 0;

    if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) != 1)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, name) == 0) {
            *ret_kind = names[i].kind;
            return true;
        }
    return false;
}

bool key_kind_of(const EVP_PKEY *pkey, enum key_kind *ret_kind)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        *ret_kind = KEY_RSA;
        return rsa_good(pkey);
    case EVP_PKEY_EC:
        return ec_kind(pkey, ret_kind);
    case EVP_PKEY_ED25519:
        *ret_kind = KEY_ED25519;
        return true;
    case EVP_PKEY_ED448:
        *ret_kind = KEY_ED448;
        return true;
    default:
        return false;
    }
}

bool key_is_pem(struct span file)
{
    static const char begin[] = "-----BEGIN ";

    return file.len > 0 && memmem(file.p, file.len, begin, sizeof begin - 1) != NULL;
}

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *u)
{
    (void)buf, (void)size, (void)rwflag, (void)u;
    return -1;
}

/* The error queue is per thread and nobody reads it: what failed here is told by the result. */
static BIO *file_bio(struct span file)
{
    return file.len == 0 || file.len > INT_MAX ? NULL : BIO_new_mem_buf(file.p, (int)file.len);
}

enum err sign_key_load(struct span file, struct sign_key **ret_key)
{
    struct sign_key *k = calloc(1, sizeof *k);
    BIO *b = file_bio(file);
    enum err e = E_CONFIG;

    if (k == NULL) {
        e = E_NOMEM;
        goto out;
    }
    if (b == NULL)
        goto out;
    k->pkey = key_is_pem(file) ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL)
                               : d2i_PrivateKey_bio(b, NULL);
    if (k->pkey == NULL || !key_kind_of(k->pkey, &k->kind))
        goto out;
    *ret_key = k;
    k = NULL;
    e = OK;
out:
    BIO_free(b);
    ERR_clear_error();
    sign_key_free(k);
    return e;
}

struct sign_key *sign_key_free(struct sign_key *k)
{
    if (k != NULL)
        EVP_PKEY_free(k->pkey);
    free(k);
    return NULL;
}

enum err pubkey_of(EVP_PKEY *pkey, struct pubkey **ret_pub)
{
    enum key_kind kind;
    struct pubkey *p;

    if (!key_kind_of(pkey, &kind))
        return E_BAD_VALUE;
    p = calloc(1, sizeof *p);
    if (p == NULL)
        return E_NOMEM;
    if (EVP_PKEY_up_ref(pkey) != 1) {
        free(p);
        return E_CRYPTO;
    }
    p->pkey = pkey;
    p->kind = kind;
    *ret_pub = p;
    return OK;
}

enum err sign_key_public(const struct sign_key *k, struct pubkey **ret_pub)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    int len = i2d_PUBKEY(k->pkey, &der);
    EVP_PKEY *pub = NULL;
    enum err e = E_CRYPTO;

    /* By way of its encoding: the new object must not carry the private half along. */
    at = der;
    if (len > 0)
        pub = d2i_PUBKEY(NULL, &at, len);
    if (pub != NULL)
        e = pubkey_of(pub, ret_pub);
    EVP_PKEY_free(pub);
    OPENSSL_free(der);
    return e;
}

enum err pubkey_load(struct span file, struct pubkey **ret_pub)
{
    BIO *b = file_bio(file);
    EVP_PKEY *pkey = NULL;
    enum err e = E_BAD_VALUE;

    if (b != NULL)
        pkey = key_is_pem(file) ? PEM_read_bio_PUBKEY(b, NULL, no_passphrase, NULL)
                                : d2i_PUBKEY_bio(b, NULL);
    if (pkey != NULL)
        e = pubkey_of(pkey, ret_pub);
    EVP_PKEY_free(pkey);
    BIO_free(b);
    ERR_clear_error();
    return e;
}

struct pubkey *pubkey_free(struct pubkey *p)
{
    if (p != NULL)
        EVP_PKEY_free(p->pkey);
    free(p);
    return NULL;
}

bool pubkey_eq(const struct pubkey *a, const struct pubkey *b)
{
    return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

bool sign_key_matches(const struct sign_key *k, const struct pubkey *p)
{
    return EVP_PKEY_eq(k->pkey, p->pkey) == 1;
}
