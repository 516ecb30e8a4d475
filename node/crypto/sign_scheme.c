/* sign_scheme: RFC 7427 appendix A, RFC 8420. See sign_scheme.h.
 *
 * Octets first: nearly every peer sends exactly these. Only RSASSA-PSS has parameters that may be
 * encoded in other ways (RFC 4055 3.1: absent or NULL hash parameters, other salt lengths); those
 * are decoded by OpenSSL. */
#include "node/crypto/sign_scheme.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define DER(...)                                                                                   \
    {                                                                                              \
        (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })                 \
    }

/* sha256WithRSAEncryption and its two siblings, ecdsa-with-SHA256 and its siblings. */
#define DER_RSA(n)                                                                                 \
    DER(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, n, 0x05, 0x00)
#define DER_ECDSA(n) DER(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, n)
#define DER_ED(n) DER(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, n)
/* id-RSASSA-PSS with the hash, MGF1 with the same hash, and a salt of the hash's length. */
#define DER_PSS(h, salt)                                                                           \
    DER(0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x34,  \
        0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, h,     \
        0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,  \
        0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, h,     \
        0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, salt)

static const struct sign_scheme schemes[] = {
    { EVP_PKEY_EC, PAD_NONE, false, EVP_D_256, 0, SIGN_HASH_SHA2_256, DER_ECDSA(0x02) },
    { EVP_PKEY_EC, PAD_NONE, false, EVP_D_384, 0, SIGN_HASH_SHA2_384, DER_ECDSA(0x03) },
    { EVP_PKEY_EC, PAD_NONE, false, EVP_D_512, 0, SIGN_HASH_SHA2_512, DER_ECDSA(0x04) },
    { EVP_PKEY_RSA, PAD_PSS, false, EVP_D_256, 32, SIGN_HASH_SHA2_256, DER_PSS(0x01, 0x20) },
    { EVP_PKEY_RSA, PAD_PSS, false, EVP_D_384, 48, SIGN_HASH_SHA2_384, DER_PSS(0x02, 0x30) },
    { EVP_PKEY_RSA, PAD_PSS, false, EVP_D_512, 64, SIGN_HASH_SHA2_512, DER_PSS(0x03, 0x40) },
    { EVP_PKEY_RSA, PAD_PKCS1, false, EVP_D_256, 0, SIGN_HASH_SHA2_256, DER_RSA(0x0b) },
    { EVP_PKEY_RSA, PAD_PKCS1, false, EVP_D_384, 0, SIGN_HASH_SHA2_384, DER_RSA(0x0c) },
    { EVP_PKEY_RSA, PAD_PKCS1, false, EVP_D_512, 0, SIGN_HASH_SHA2_512, DER_RSA(0x0d) },
    { EVP_PKEY_ED25519, PAD_NONE, true, EVP_D_512, 0, SIGN_HASH_IDENTITY, DER_ED(0x70) },
    { EVP_PKEY_ED448, PAD_NONE, true, EVP_D_512, 0, SIGN_HASH_IDENTITY, DER_ED(0x71) },
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

static int pkey_of_kind(enum key_kind kind)
{
    switch (kind) {
    case KEY_RSA:
        return EVP_PKEY_RSA;
    case KEY_EC256:
    case KEY_EC384:
    case KEY_EC521:
        return EVP_PKEY_EC;
    case KEY_ED25519:
        return EVP_PKEY_ED25519;
    case KEY_ED448:
        return EVP_PKEY_ED448;
    }
    return EVP_PKEY_NONE;
}

const struct sign_scheme *scheme_for(enum key_kind kind, unsigned hash_bit, bool rsa_pkcs1)
{
    enum scheme_pad pad = kind != KEY_RSA ? PAD_NONE : rsa_pkcs1 ? PAD_PKCS1 : PAD_PSS;

    for (size_t i = 0; i < SCHEMES; i++)
        if (schemes[i].pkey == pkey_of_kind(kind) && schemes[i].pad == pad &&
            schemes[i].hash_bit == hash_bit)
            return &schemes[i];
    return NULL;
}

static bool digest_of_algor(const X509_ALGOR *a, enum evp_digest *ret_d)
{
    const ASN1_OBJECT *oid = NULL;

    if (a == NULL)
        return false; /* the default of RFC 4055 is SHA-1 */
    X509_ALGOR_get0(&oid, NULL, NULL, a);
    switch (OBJ_obj2nid(oid)) {
    case NID_sha256:
        *ret_d = EVP_D_256;
        return true;
    case NID_sha384:
        *ret_d = EVP_D_384;
        return true;
    case NID_sha512:
        *ret_d = EVP_D_512;
        return true;
    default:
        return false;
    }
}

/* MGF1 with which hash. */
static bool digest_of_mgf(const X509_ALGOR *mgf, enum evp_digest *ret_d)
{
    const ASN1_OBJECT *oid = NULL;
    const void *value = NULL;
    X509_ALGOR *inner;
    int type = 0;
    bool ok;

    if (mgf == NULL)
        return false;
    X509_ALGOR_get0(&oid, &type, &value, mgf);
    if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
        return false;
    inner = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
    ok = digest_of_algor(inner, ret_d);
    X509_ALGOR_free(inner);
    return ok;
}

static enum err pss_read(const ASN1_STRING *params, struct sign_scheme *ret_s)
{
    RSA_PSS_PARAMS *p = ASN1_item_unpack(params, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
    enum evp_digest hash, mgf;
    int64_t salt = 0;
    enum err e = E_AUTH_FAILED;

    if (p == NULL || !digest_of_algor(p->hashAlgorithm, &hash) ||
        !digest_of_mgf(p->maskGenAlgorithm, &mgf) || mgf != hash)
        goto out;
    /* An absent salt length means 20; the trailer field is 1 and left out. */
    salt = 20;
    if (p->saltLength != NULL && ASN1_INTEGER_get_int64(&salt, p->saltLength) != 1)
        goto out;
    if (salt < 16 || salt > 512 ||
        (p->trailerField != NULL && ASN1_INTEGER_get(p->trailerField) != 1))
        goto out;
    *ret_s = (struct sign_scheme){ .pkey = EVP_PKEY_RSA,
                                   .pad = PAD_PSS,
                                   .hash = hash,
                                   .salt_len = (int)salt,
                                   .hash_bit = (unsigned)SIGN_HASH_SHA2_256 << hash };
    e = OK;
out:
    RSA_PSS_PARAMS_free(p);
    return e;
}

enum err scheme_read(struct span der, struct sign_scheme *ret_s)
{
    const unsigned char *at = der.p;
    const ASN1_OBJECT *oid = NULL;
    const void *value = NULL;
    X509_ALGOR *a;
    int type = 0;
    enum err e = E_AUTH_FAILED;

    for (size_t i = 0; i < SCHEMES; i++)
        if (span_eq(schemes[i].der, der)) {
            *ret_s = schemes[i];
            ret_s->der = SPAN_NONE;
            return OK;
        }
    if (der.len == 0 || der.len > 255)
        return E_AUTH_FAILED;
    a = d2i_X509_ALGOR(NULL, &at, (long)der.len);
    if (a != NULL && at == der.p + der.len) {
        X509_ALGOR_get0(&oid, &type, &value, a);
        if (OBJ_obj2nid(oid) == NID_rsassaPss && type == V_ASN1_SEQUENCE)
            e = pss_read(value, ret_s);
    }
    X509_ALGOR_free(a);
    ERR_clear_error();
    return e;
}
