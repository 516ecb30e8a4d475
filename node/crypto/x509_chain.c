/* x509_chain: our own certificate chain, as it is sent. See x509_check.h. */
#include "node/crypto/x509_internal.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "node/crypto/key.h"

struct x509_chain {
    STACK_OF(X509) * certs;
    struct pubkey *key;
    size_t n;
    struct {
        unsigned char *p;
        size_t len;
    } der[LIMIT_CERTS];
};

static enum err chain_fill(struct x509_chain *c, struct span file)
{
    EVP_PKEY *pkey;

    TRY(x509_file_certs(file, LIMIT_CERTS, c->certs));
    for (int i = 0; i < sk_X509_num(c->certs); i++) {
        int len = i2d_X509(sk_X509_value(c->certs, i), &c->der[i].p);

        if (len <= 0)
            return E_CRYPTO;
        c->der[i].len = (size_t)len;
        c->n++;
    }
    pkey = X509_get0_pubkey(sk_X509_value(c->certs, 0));
    return pkey != NULL && pubkey_of(pkey, &c->key) == OK ? OK : E_CONFIG;
}

enum err x509_chain_load(struct span file, struct x509_chain **ret_c)
{
    struct x509_chain *c = calloc(1, sizeof *c);
    enum err e = E_NOMEM;

    if (c != NULL && (c->certs = sk_X509_new_null()) != NULL)
        e = chain_fill(c, file);
    if (e != OK) {
        x509_chain_free(c);
        return e == E_LIMIT ? E_CONFIG : e;
    }
    *ret_c = c;
    return OK;
}

struct x509_chain *x509_chain_free(struct x509_chain *c)
{
    if (c == NULL)
        return NULL;
    sk_X509_pop_free(c->certs, X509_free);
    for (size_t i = 0; i < c->n; i++)
        OPENSSL_free(c->der[i].p);
    pubkey_free(c->key);
    free(c);
    return NULL;
}

struct span x509_chain_der(const struct x509_chain *c, size_t n)
{
    return n < c->n ? span_of(c->der[n].p, c->der[n].len) : SPAN_NONE;
}

const struct pubkey *x509_chain_key(const struct x509_chain *c)
{
    return c->key;
}

struct span x509_chain_subject(const struct x509_chain *c)
{
    const unsigned char *der = NULL;
    size_t len = 0;

    if (X509_NAME_get0_der(X509_get_subject_name(sk_X509_value(c->certs, 0)), &der, &len) != 1)
        return SPAN_NONE;
    return span_of(der, len);
}

bool x509_chain_is_id(const struct x509_chain *c, uint8_t id_type, struct span id)
{
    return x509_has_id(sk_X509_value(c->certs, 0), id_type, id, false);
}

static bool hash_in_list(const X509 *ca, struct span list)
{
    uint8_t hash[X509_CA_HASH_LEN];

    if (x509_spki_hash(ca, hash) != OK)
        return false;
    for (size_t at = 0; at + X509_CA_HASH_LEN <= list.len; at += X509_CA_HASH_LEN)
        if (span_eq(span_of(list.p + at, X509_CA_HASH_LEN), span_of(hash, X509_CA_HASH_LEN)))
            return true;
    return false;
}

bool x509_chain_fits(const struct x509_chain *c, const struct x509_anchors *a, struct span certreq)
{
    const STACK_OF(X509) *anchors = a == NULL ? NULL : x509_anchors_certs(a);

    if (certreq.len == 0)
        return true;
    for (int i = 1; i < sk_X509_num(c->certs); i++)
        if (hash_in_list(sk_X509_value(c->certs, i), certreq))
            return true;
    for (int j = 0; anchors != NULL && j < sk_X509_num(anchors); j++)
        for (int i = 0; i < sk_X509_num(c->certs); i++)
            if (X509_check_issued(sk_X509_value(anchors, j), sk_X509_value(c->certs, i)) ==
                    X509_V_OK &&
                hash_in_list(sk_X509_value(anchors, j), certreq))
                return true;
    return false;
}
