/* x509_check: trust anchors and the verification of a peer's chain. See x509_check.h.
 *
 * OpenSSL builds and checks the path; what it is told: the time, partial chains (an intermediate
 * may be an anchor), security level 2 (112 bits: no SHA-1 signatures, no small keys), no purpose of
 * TLS. What RFC 4945 asks of an end certificate, and the limits of keys, are checked here.
 *
 * A verified chain is remembered by the hash of what the peer sent, with the time in which all of
 * it is valid; what is remembered names no identity, so the match with the IKE ID is made every
 * time. */
#include "node/crypto/x509_internal.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/crypto/evp.h"
#include "node/crypto/key.h"
#include "statesync/base/secret.h"
#include "statesync/base/wr.h"

enum { CACHE = 256, CHAIN_HASH_LEN = 32, AUTH_LEVEL = 2, ANCHORS_MAX = 1024 };

struct x509_peer {
    unsigned refs;
    X509 *cert;
    struct pubkey *key;
    uint64_t not_before, not_after; /* of the whole chain, Unix time */
};

struct remembered {
    uint8_t hash[CHAIN_HASH_LEN];
    struct x509_peer *peer; /* a reference; NULL: free */
};

struct x509_anchors {
    X509_STORE *store;
    STACK_OF(X509) * certs;
    struct bytes certreq;
    struct remembered cache[CACHE]; /* by the first octet of the hash */
};

/* ---- anchors ---- */

enum err x509_anchors_new(struct x509_anchors **ret_a)
{
    struct x509_anchors *a = calloc(1, sizeof *a);

    if (a == NULL)
        return E_NOMEM;
    a->store = X509_STORE_new();
    a->certs = sk_X509_new_null();
    if (a->store == NULL || a->certs == NULL) {
        x509_anchors_free(a);
        return E_NOMEM;
    }
    *ret_a = a;
    return OK;
}

static void cache_clear(struct x509_anchors *a)
{
    for (size_t i = 0; i < CACHE; i++)
        a->cache[i].peer = x509_peer_free(a->cache[i].peer);
}

struct x509_anchors *x509_anchors_free(struct x509_anchors *a)
{
    if (a == NULL)
        return NULL;
    cache_clear(a);
    bytes_free(&a->certreq);
    sk_X509_pop_free(a->certs, X509_free);
    X509_STORE_free(a->store);
    free(a);
    return NULL;
}

static enum err certreq_make(struct x509_anchors *a)
{
    size_t n = (size_t)sk_X509_num(a->certs);
    struct bytes b = { malloc(n * X509_CA_HASH_LEN), n * X509_CA_HASH_LEN };

    if (b.p == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        enum err e = x509_spki_hash(sk_X509_value(a->certs, (int)i), b.p + i * X509_CA_HASH_LEN);

        if (e != OK) {
            bytes_free(&b);
            return e;
        }
    }
    bytes_free(&a->certreq);
    a->certreq = b;
    return OK;
}

enum err x509_anchors_add(struct x509_anchors *a, struct span file)
{
    int before = sk_X509_num(a->certs);

    cache_clear(a);
    TRY(x509_file_certs(file, ANCHORS_MAX, a->certs));
    for (int i = before; i < sk_X509_num(a->certs); i++) {
        X509 *x = sk_X509_value(a->certs, i);
        enum key_kind kind;

        if (X509_get0_pubkey(x) == NULL || !key_kind_of(X509_get0_pubkey(x), &kind))
            return E_CONFIG;
        if (X509_STORE_add_cert(a->store, x) != 1)
            return E_CRYPTO;
    }
    return certreq_make(a);
}

struct span x509_anchors_certreq(const struct x509_anchors *a)
{
    return span_bytes(a->certreq);
}

const STACK_OF(X509) * x509_anchors_certs(const struct x509_anchors *a)
{
    return a->certs;
}

/* ---- a peer's chain ---- */

struct x509_peer *x509_peer_free(struct x509_peer *p)
{
    if (p == NULL || --p->refs > 0)
        return NULL;
    X509_free(p->cert);
    pubkey_free(p->key);
    free(p);
    return NULL;
}

/* RFC 4945 5.1.3.2, 5.1.3.12: what an end certificate may be used for. NULL: fine. */
static const char *usage_refused(const X509 *cert)
{
    static const char ike_intermediate[] = "1.3.6.1.5.5.8.2.2";
    EXTENDED_KEY_USAGE *eku;
    uint32_t usage = X509_get_key_usage((X509 *)(uintptr_t)cert);
    int critical = 0;
    bool ok = false;

    if (usage != UINT32_MAX && (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
        return "the certificate's key usage does not allow signatures";
    eku = X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
    if (eku == NULL) /* -1: there is none; everything else is malformed */
        return critical == -1 ? NULL : "malformed extended key usage";
    for (int i = 0; !ok && i < sk_ASN1_OBJECT_num(eku); i++) {
        const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(eku, i);
        char oid[64];

        switch (OBJ_obj2nid(o)) {
        case NID_server_auth:
        case NID_client_auth:
        case NID_ipsec_IKE:
        case NID_anyExtendedKeyUsage:
            ok = true;
            break;
        default:
            ok = OBJ_obj2txt(oid, sizeof oid, o, 1) > 0 && strcmp(oid, ike_intermediate) == 0;
        }
    }
    sk_ASN1_OBJECT_pop_free(eku, ASN1_OBJECT_free);
    return ok ? NULL : "the certificate's extended key usage does not allow IKE";
}

static bool unix_time(const ASN1_TIME *t, uint64_t *ret)
{
    struct tm tm;
    time_t s;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    s = timegm(&tm);
    *ret = s < 0 ? 0 : (uint64_t)s;
    return true;
}

/* Key strength over the chain OpenSSL built, and the time in which all of it is valid. */
static const char *chain_refused(const STACK_OF(X509) * chain, struct x509_peer *p)
{
    p->not_before = 0;
    p->not_after = UINT64_MAX;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *x = sk_X509_value(chain, i);
        uint64_t from, to;
        enum key_kind kind;

        if (X509_get0_pubkey(x) == NULL || !key_kind_of(X509_get0_pubkey(x), &kind))
            return "a key of the chain is too weak or of an unknown kind";
        if (!unix_time(X509_get0_notBefore(x), &from) || !unix_time(X509_get0_notAfter(x), &to))
            return "malformed validity";
        if (from > p->not_before)
            p->not_before = from;
        if (to < p->not_after)
            p->not_after = to;
    }
    return NULL;
}

static const char *path_refused(struct x509_anchors *a, uint64_t wall_s, X509 *leaf,
                                STACK_OF(X509) * rest, struct x509_peer *p)
{
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    const char *why = "no memory";
    X509_VERIFY_PARAM *v;

    if (c == NULL || X509_STORE_CTX_init(c, a->store, leaf, rest) != 1)
        goto out;
    v = X509_STORE_CTX_get0_param(c);
    X509_VERIFY_PARAM_set_time(v, (time_t)wall_s);
    X509_VERIFY_PARAM_set_flags(v, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_depth(v, LIMIT_CERTS);
    X509_VERIFY_PARAM_set_auth_level(v, AUTH_LEVEL);
    if (X509_verify_cert(c) != 1) {
        why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(c));
        goto out;
    }
    why = chain_refused(X509_STORE_CTX_get0_chain(c), p);
    if (why == NULL)
        why = usage_refused(leaf);
out:
    X509_STORE_CTX_free(c);
    return why;
}

/* The chain's certificates to OpenSSL objects; the first one is the end certificate. */
static X509 *certs_read(const struct span *certs, size_t n, STACK_OF(X509) * rest)
{
    X509 *leaf = x509_from_der(certs[0]);

    for (size_t i = 1; leaf != NULL && i < n; i++) {
        X509 *x = x509_from_der(certs[i]);

        /* An intermediate that cannot be read is one we do not have. */
        if (x != NULL && sk_X509_push(rest, x) <= 0)
            X509_free(x);
    }
    return leaf;
}

static enum err verify_full(struct x509_anchors *a, uint64_t wall_s, const struct span *certs,
                            size_t n, struct x509_peer **ret_peer, const char **why)
{
    struct x509_peer *p = calloc(1, sizeof *p);
    STACK_OF(X509) *rest = sk_X509_new_null();
    X509 *leaf = NULL;
    enum err e = E_NOMEM;

    if (p == NULL || rest == NULL)
        goto out;
    p->refs = 1;
    e = E_AUTH_FAILED;
    *why = "malformed certificate";
    leaf = certs_read(certs, n, rest);
    if (leaf == NULL)
        goto out;
    *why = path_refused(a, wall_s, leaf, rest, p);
    if (*why != NULL)
        goto out;
    e = pubkey_of(X509_get0_pubkey(leaf), &p->key);
    if (e != OK)
        goto out;
    p->cert = leaf;
    leaf = NULL;
    *ret_peer = p;
    p = NULL;
out:
    X509_free(leaf);
    sk_X509_pop_free(rest, X509_free);
    x509_peer_free(p);
    ERR_clear_error();
    return e;
}

static enum err chain_hash(const struct span *certs, size_t n, uint8_t out[CHAIN_HASH_LEN])
{
    struct span parts[2 * LIMIT_CERTS];
    uint8_t lens[LIMIT_CERTS][4], hash[SUITE_PRF_MAX];
    struct wr w = wr_of(out, CHAIN_HASH_LEN);
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        struct wr l = wr_of(lens[i], sizeof lens[i]);

        wr_u32(&l, (uint32_t)certs[i].len);
        parts[2 * i] = span_of(lens[i], sizeof lens[i]);
        parts[2 * i + 1] = certs[i];
    }
    TRY(evp_hash(EVP_D_256, parts, 2 * n, hash, &len));
    wr_bytes(&w, span_of(hash, CHAIN_HASH_LEN));
    return OK;
}

enum err x509_verify(struct x509_anchors *a, uint64_t wall_s, const struct span *certs, size_t n,
                     struct x509_peer **ret_peer, const char **why)
{
    const char *unused;
    uint8_t hash[CHAIN_HASH_LEN];
    struct remembered *m;
    struct x509_peer *p;

    if (why == NULL)
        why = &unused;
    *why = "no certificate, or too many";
    if (n == 0 || n > LIMIT_CERTS)
        return E_AUTH_FAILED;
    TRY(chain_hash(certs, n, hash));
    m = &a->cache[hash[0] % CACHE];
    if (m->peer == NULL || !ct_equal(m->hash, hash, CHAIN_HASH_LEN) ||
        wall_s < m->peer->not_before || wall_s > m->peer->not_after) {
        struct wr w = wr_of(m->hash, CHAIN_HASH_LEN);

        TRY(verify_full(a, wall_s, certs, n, &p, why));
        x509_peer_free(m->peer);
        m->peer = p;
        wr_bytes(&w, span_of(hash, CHAIN_HASH_LEN));
    }
    *why = NULL;
    m->peer->refs++;
    *ret_peer = m->peer;
    return OK;
}

const struct pubkey *x509_peer_key(const struct x509_peer *p)
{
    return p->key;
}

bool x509_peer_is_id(const struct x509_peer *p, uint8_t id_type, struct span id)
{
    return x509_has_id(p->cert, id_type, id, true);
}

uint64_t x509_peer_not_after(const struct x509_peer *p)
{
    return p->not_after;
}

const char *x509_peer_subject_text(const struct x509_peer *p, char out[X509_TEXT_MAX])
{
    BIO *b = BIO_new(BIO_s_mem());
    int n = 0;

    if (b != NULL && X509_NAME_print_ex(b, X509_get_subject_name(p->cert), 0,
                                        XN_FLAG_RFC2253 & ~XN_FLAG_DN_REV) >= 0)
        n = BIO_read(b, out, X509_TEXT_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(b);
    return out;
}
