/* sign: makes and checks the signatures of the AUTH payload. See sign.h; RFC 7427, RFC 4754,
 * RFC 8420. What it means to be signed by whom is node/exchange's business. */
#include "node/crypto/sign.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "node/crypto/evp.h"
#include "node/crypto/key.h"
#include "node/crypto/sign_scheme.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

/* DER of an ECDSA signature over P-521, and room to spare. */
enum { ECDSA_DER_MAX = 160 };

/* RFC 4754: method, curve and hash are one. */
static const struct fixed {
    uint8_t method;
    uint8_t coord_len;
    enum key_kind kind;
    unsigned hash_bit;
} fixed_methods[] = {
    { SIGN_METHOD_ECDSA_256, 32, KEY_EC256, SIGN_HASH_SHA2_256 },
    { SIGN_METHOD_ECDSA_384, 48, KEY_EC384, SIGN_HASH_SHA2_384 },
    { SIGN_METHOD_ECDSA_521, 66, KEY_EC521, SIGN_HASH_SHA2_512 },
};

static const struct fixed *fixed_method(uint8_t method)
{
    for (size_t i = 0; i < sizeof fixed_methods / sizeof fixed_methods[0]; i++)
        if (fixed_methods[i].method == method)
            return &fixed_methods[i];
    return NULL;
}

/* The hash to sign with: the one that suits the key's strength, else the weakest stronger one, else
 * any that the peer takes. 0: none. */
static unsigned hash_choose(const struct sign_key *k, unsigned hashes)
{
    unsigned want = SIGN_HASH_SHA2_256;

    if (k->kind == KEY_ED25519 || k->kind == KEY_ED448)
        return hashes & SIGN_HASH_IDENTITY;
    if (k->kind == KEY_EC384 || (k->kind == KEY_RSA && EVP_PKEY_get_bits(k->pkey) > 3072))
        want = SIGN_HASH_SHA2_384;
    if (k->kind == KEY_EC521 || (k->kind == KEY_RSA && EVP_PKEY_get_bits(k->pkey) > 7680))
        want = SIGN_HASH_SHA2_512;
    for (unsigned bit = want; bit <= SIGN_HASH_SHA2_512; bit <<= 1)
        if (hashes & bit)
            return bit;
    for (unsigned bit = want; bit >= SIGN_HASH_SHA2_256; bit >>= 1)
        if (hashes & bit)
            return bit;
    return 0;
}

enum err sign_choose(const struct sign_key *k, unsigned hashes, uint8_t *ret_method)
{
    if (hash_choose(k, hashes) != 0) {
        *ret_method = SIGN_METHOD_DIGITAL;
        return OK;
    }
    for (size_t i = 0; i < sizeof fixed_methods / sizeof fixed_methods[0]; i++)
        if (fixed_methods[i].kind == k->kind) {
            *ret_method = fixed_methods[i].method;
            return OK;
        }
    return E_AUTH_FAILED;
}

/* Signature context for a scheme; NULL on failure. */
static EVP_PKEY_CTX *ctx_new(EVP_PKEY *pkey, const struct sign_scheme *s, bool sign)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = c != NULL && (sign ? EVP_PKEY_sign_init(c) : EVP_PKEY_verify_init(c)) == 1;

    if (ok && s->pad != PAD_NONE) {
        ok = EVP_PKEY_CTX_set_rsa_padding(c, s->pad == PAD_PSS ? RSA_PKCS1_PSS_PADDING
                                                               : RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(c, evp_md(s->hash)) == 1;
        if (ok && s->pad == PAD_PSS)
            ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(c, s->salt_len) == 1;
    }
    if (!ok) {
        EVP_PKEY_CTX_free(c);
        return NULL;
    }
    return c;
}

/* EdDSA takes the message in one piece. */
static enum err join(const struct span *parts, size_t n, struct bytes *ret_b)
{
    size_t len = 0;
    struct wr w;

    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    *ret_b = (struct bytes){ malloc(len + 1), len };
    if (ret_b->p == NULL)
        return E_NOMEM;
    w = wr_of(ret_b->p, len);
    for (size_t i = 0; i < n; i++)
        wr_bytes(&w, parts[i]);
    return wr_ok(&w);
}

static enum err eddsa_sign(const struct sign_key *k, const struct span *parts, size_t n,
                           uint8_t *sig, size_t *len)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    struct bytes all = { 0 };
    enum err e = join(parts, n, &all);

    if (e == OK &&
        (c == NULL || EVP_DigestSignInit_ex(c, NULL, NULL, NULL, NULL, k->pkey, NULL) != 1 ||
         EVP_DigestSign(c, sig, len, all.p, all.len) != 1))
        e = E_CRYPTO;
    EVP_MD_CTX_free(c);
    bytes_free(&all);
    return e;
}

static enum err eddsa_verify(const struct pubkey *p, const struct span *parts, size_t n,
                             struct span sig)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    struct bytes all = { 0 };
    enum err e = join(parts, n, &all);

    if (e == OK &&
        (c == NULL || EVP_DigestVerifyInit_ex(c, NULL, NULL, NULL, NULL, p->pkey, NULL) != 1 ||
         EVP_DigestVerify(c, sig.p, sig.len, all.p, all.len) != 1))
        e = E_AUTH_FAILED;
    EVP_MD_CTX_free(c);
    bytes_free(&all);
    return e;
}

/* sig has room for *len octets. */
static enum err scheme_sign(const struct sign_key *k, const struct sign_scheme *s,
                            const struct span *parts, size_t n, uint8_t *sig, size_t *len)
{
    uint8_t hash[SUITE_PRF_MAX];
    size_t hash_len = 0;
    EVP_PKEY_CTX *c;
    enum err e = OK;

    if (s->identity)
        return eddsa_sign(k, parts, n, sig, len);
    TRY(evp_hash(s->hash, parts, n, hash, &hash_len));
    c = ctx_new(k->pkey, s, true);
    if (c == NULL || EVP_PKEY_sign(c, sig, len, hash, hash_len) != 1)
        e = E_CRYPTO;
    EVP_PKEY_CTX_free(c);
    return e;
}

static enum err scheme_verify(const struct pubkey *p, const struct sign_scheme *s,
                              const struct span *parts, size_t n, struct span sig)
{
    uint8_t hash[SUITE_PRF_MAX];
    size_t hash_len = 0;
    EVP_PKEY_CTX *c;
    enum err e = OK;

    if (s->identity)
        return eddsa_verify(p, parts, n, sig);
    TRY(evp_hash(s->hash, parts, n, hash, &hash_len));
    c = ctx_new(p->pkey, s, false);
    if (c == NULL || EVP_PKEY_verify(c, sig.p, sig.len, hash, hash_len) != 1)
        e = E_AUTH_FAILED;
    EVP_PKEY_CTX_free(c);
    return e;
}

/* RFC 7427 3: one octet of length, the AlgorithmIdentifier, the signature. */
static enum err digital_make(const struct sign_key *k, unsigned hashes, bool rsa_pkcs1,
                             const struct span *parts, size_t n, uint8_t *ret_auth, size_t *ret_len)
{
    const struct sign_scheme *s = scheme_for(k->kind, hash_choose(k, hashes), rsa_pkcs1);
    struct wr w = wr_of(ret_auth, SIGN_MAX);
    size_t len;

    if (s == NULL)
        return E_AUTH_FAILED;
    wr_u8(&w, (uint8_t)s->der.len);
    wr_bytes(&w, s->der);
    TRY(wr_ok(&w));
    len = SIGN_MAX - w.len;
    TRY(scheme_sign(k, s, parts, n, ret_auth + w.len, &len));
    *ret_len = w.len + len;
    return OK;
}

static enum err digital_verify(const struct pubkey *p, unsigned accept_hashes, struct span auth,
                               const struct span *parts, size_t n)
{
    struct rd r = rd_of(auth);
    struct sign_scheme s;
    struct span der;
    uint8_t len;

    if (rd_u8(&r, &len) != OK || rd_span(&r, len, &der) != OK || rd_left(&r) == 0)
        return E_AUTH_FAILED;
    TRY(scheme_read(der, &s));
    if ((s.hash_bit & accept_hashes) == 0 || EVP_PKEY_get_base_id(p->pkey) != s.pkey)
        return E_AUTH_FAILED;
    return scheme_verify(p, &s, parts, n, rd_rest(&r));
}

/* RFC 4754 7: r | s, each padded to the curve's length, where OpenSSL speaks DER. */
static enum err fixed_make(const struct sign_key *k, const struct fixed *f,
                           const struct span *parts, size_t n, uint8_t *ret_auth, size_t *ret_len)
{
    const struct sign_scheme *s = scheme_for(k->kind, f->hash_bit, false);
    uint8_t der[ECDSA_DER_MAX];
    const unsigned char *at = der;
    size_t len = sizeof der;
    ECDSA_SIG *sig;
    enum err e = E_CRYPTO;

    if (k->kind != f->kind || s == NULL)
        return E_AUTH_FAILED;
    TRY(scheme_sign(k, s, parts, n, der, &len));
    sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    if (sig != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_auth, f->coord_len) == f->coord_len &&
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_auth + f->coord_len, f->coord_len) ==
            f->coord_len) {
        *ret_len = 2 * (size_t)f->coord_len;
        e = OK;
    }
    ECDSA_SIG_free(sig);
    return e;
}

static enum err fixed_verify(const struct pubkey *p, const struct fixed *f, struct span auth,
                             const struct span *parts, size_t n)
{
    const struct sign_scheme *s = scheme_for(p->kind, f->hash_bit, false);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = NULL, *v = NULL;
    unsigned char *der = NULL;
    enum err e = E_AUTH_FAILED;
    int len;

    if (sig == NULL || s == NULL || p->kind != f->kind || auth.len != 2 * (size_t)f->coord_len)
        goto out;
    r = BN_bin2bn(auth.p, f->coord_len, NULL);
    v = BN_bin2bn(auth.p + f->coord_len, f->coord_len, NULL);
    if (r == NULL || v == NULL || ECDSA_SIG_set0(sig, r, v) != 1)
        goto out;
    r = v = NULL; /* now sig's */
    len = i2d_ECDSA_SIG(sig, &der);
    if (len > 0)
        e = scheme_verify(p, s, parts, n, span_of(der, (size_t)len));
out:
    OPENSSL_free(der);
    BN_free(r);
    BN_free(v);
    ECDSA_SIG_free(sig);
    return e;
}

enum err sign_make(const struct sign_key *k, uint8_t method, unsigned hashes, bool rsa_pkcs1,
                   const struct span *parts, size_t n, uint8_t *ret_auth, size_t *ret_len)
{
    const struct fixed *f = fixed_method(method);
    enum err e;

    if (evp_thread() == NULL)
        return E_CRYPTO;
    if (method == SIGN_METHOD_DIGITAL)
        e = digital_make(k, hashes, rsa_pkcs1, parts, n, ret_auth, ret_len);
    else if (f != NULL)
        e = fixed_make(k, f, parts, n, ret_auth, ret_len);
    else
        e = E_AUTH_FAILED;
    ERR_clear_error();
    return e;
}

enum err sign_verify(const struct pubkey *p, uint8_t method, unsigned accept_hashes,
                     struct span auth, const struct span *parts, size_t n)
{
    const struct fixed *f = fixed_method(method);
    enum err e;

    if (evp_thread() == NULL)
        return E_CRYPTO;
    if (method == SIGN_METHOD_DIGITAL)
        e = digital_verify(p, accept_hashes, auth, parts, n);
    else if (f != NULL)
        e = fixed_verify(p, f, auth, parts, n);
    else
        e = E_AUTH_FAILED;
    ERR_clear_error();
    return e;
}
