/* x509_id: reading certificates and the identities in them. See x509_check.h; RFC 4945 3, RFC 5280.
 */
#include "node/crypto/x509_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "node/crypto/evp.h"
#include "node/crypto/ident.h"
#include "node/crypto/key.h"
#include "statesync/base/wr.h"

X509 *x509_from_der(struct span der)
{
    const unsigned char *at = der.p;
    X509 *x = der.len == 0 || der.len > LONG_MAX ? NULL : d2i_X509(NULL, &at, (long)der.len);

    if (x != NULL && at != der.p + der.len) {
        X509_free(x);
        x = NULL;
    }
    return x;
}

static enum err pem_certs(BIO *b, size_t max, STACK_OF(X509) * to)
{
    for (;;) {
        X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

        if (x == NULL)
            break;
        if ((size_t)sk_X509_num(to) >= max || sk_X509_push(to, x) <= 0) {
            X509_free(x);
            return E_LIMIT;
        }
    }
    /* "No start line" is the end of the file; everything else is a broken certificate. */
    return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? OK : E_CONFIG;
}

enum err x509_file_certs(struct span file, size_t max, STACK_OF(X509) * to)
{
    int before = sk_X509_num(to);
    enum err e = E_CONFIG;

    if (key_is_pem(file) && file.len <= INT_MAX) {
        BIO *b = BIO_new_mem_buf(file.p, (int)file.len);

        ERR_clear_error();
        e = b == NULL ? E_NOMEM : pem_certs(b, max, to);
        BIO_free(b);
    } else {
        X509 *x = x509_from_der(file);

        if (x != NULL && (size_t)before < max && sk_X509_push(to, x) > 0)
            e = OK;
        else
            X509_free(x);
    }
    ERR_clear_error();
    if (e == OK && sk_X509_num(to) == before)
        e = E_CONFIG;
    return e;
}

static struct span asn1_span(const ASN1_STRING *s)
{
    return span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static bool name_is(const GENERAL_NAME *n, uint8_t id_type, struct span id)
{
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(n, &type);
    struct span s;

    switch (id_type) {
    case IDENT_FQDN:
        if (type != GEN_DNS)
            return false;
        break;
    case IDENT_RFC822:
        if (type != GEN_EMAIL)
            return false;
        break;
    case IDENT_IPV4:
    case IDENT_IPV6:
        return type == GEN_IPADD && id.len == (id_type == IDENT_IPV4 ? 4 : 16) &&
               span_eq(asn1_span(value), id);
    default:
        return false;
    }
    s = asn1_span(value);
    /* ASCII case does not count in host names, nor, as everybody does it, in mail addresses. */
    return ident_name_eq(s, id);
}

static bool subject_is(const X509 *cert, struct span id, bool exact)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    const unsigned char *der = NULL, *at = id.p;
    size_t len = 0;
    X509_NAME *name;
    bool same;

    if (X509_NAME_get0_der(subject, &der, &len) != 1)
        return false;
    if (exact)
        return span_eq(span_of(der, len), id);
    name = id.len > LONG_MAX ? NULL : d2i_X509_NAME(NULL, &at, (long)id.len);
    same = name != NULL && at == id.p + id.len && X509_NAME_cmp(subject, name) == 0;
    X509_NAME_free(name);
    ERR_clear_error();
    return same;
}

bool x509_has_id(const X509 *cert, uint8_t id_type, struct span id, bool dn_exact)
{
    GENERAL_NAMES *names;
    bool found = false;

    if (id.len == 0)
        return false;
    if (id_type == IDENT_DER_DN)
        return subject_is(cert, id, dn_exact);
    names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++)
        found = name_is(sk_GENERAL_NAME_value(names, i), id_type, id);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return found;
}

enum err x509_spki_hash(const X509 *cert, uint8_t out[X509_CA_HASH_LEN])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    uint8_t hash[SUITE_PRF_MAX];
    struct span s = span_of(der, len > 0 ? (size_t)len : 0);
    struct wr w = wr_of(out, X509_CA_HASH_LEN);
    size_t hash_len = 0;
    enum err e = len > 0 ? OK : E_CRYPTO;

    if (e == OK)
        e = evp_hash(EVP_D_SHA1, &s, 1, hash, &hash_len);
    if (e == OK)
        wr_bytes(&w, span_of(hash, X509_CA_HASH_LEN));
    OPENSSL_free(der);
    return e;
}
