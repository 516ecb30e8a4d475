#include "tests/exchange/certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static void must(int ok)
{
    if (ok <= 0)
        abort();
}

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");

    must(k != NULL);
    return k;
}

static void extend(X509 *c, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(e != NULL);
    must(X509_add_ext(c, e, -1));
    X509_EXTENSION_free(e);
}

/* issuer NULL: signs itself, a CA. */
static X509 *new_cert(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
    static long serial = 1;
    X509 *c = X509_new();
    X509_NAME *subject;
    char san[128];

    must(c != NULL);
    subject = X509_get_subject_name(c);
    must(X509_set_version(c, 2));
    must(ASN1_INTEGER_set(X509_get_serialNumber(c), serial++));
    must(ASN1_TIME_set(X509_getm_notBefore(c), (time_t)PAIR_WALL_S - 86400) != NULL);
    must(ASN1_TIME_set(X509_getm_notAfter(c), (time_t)PAIR_WALL_S + 86400) != NULL);
    must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                    -1, 0));
    must(X509_set_issuer_name(c, issuer == NULL ? subject : X509_get_subject_name(issuer)));
    must(X509_set_pubkey(c, key));
    if (issuer == NULL) {
        extend(c, c, NID_basic_constraints, "critical,CA:TRUE");
        extend(c, c, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        snprintf(san, sizeof san, "DNS:%s", name);
        extend(c, issuer, NID_subject_alt_name, san);
        extend(c, issuer, NID_key_usage, "critical,digitalSignature");
    }
    must(X509_sign(c, issuer == NULL ? key : issuer_key, EVP_sha256()));
    return c;
}

static struct span pem_of(BIO *b)
{
    char *p;
    long n = BIO_get_mem_data(b, &p);

    return span_of(p, (size_t)n);
}

static void give(struct policy_conn *c, const char *name, X509 *ca, EVP_PKEY *ca_key)
{
    EVP_PKEY *key = new_key();
    X509 *cert = new_cert(key, name, ca, ca_key);
    BIO *b = BIO_new(BIO_s_mem());

    must(PEM_write_bio_X509(b, cert));
    must(x509_chain_load(pem_of(b), &c->chain) == OK);
    BIO_free(b);
    b = BIO_new(BIO_s_mem());
    must(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL));
    must(sign_key_load(pem_of(b), &c->key) == OK);
    BIO_free(b);
    b = BIO_new(BIO_s_mem());
    must(PEM_write_bio_X509(b, ca));
    must(x509_anchors_new(&c->anchors) == OK && x509_anchors_add(c->anchors, pem_of(b)) == OK);
    BIO_free(b);
    X509_free(cert);
    EVP_PKEY_free(key);
    c->local_auth = c->remote_auth = AUTH_CERT;
    c->send_cert = c->send_certreq = true;
}

void certs_for(struct policy_conn *a, struct policy_conn *b, const char *name_a, const char *name_b)
{
    EVP_PKEY *ca_key = new_key();
    X509 *ca = new_cert(ca_key, "tests CA", NULL, NULL);

    give(a, name_a, ca, ca_key);
    give(b, name_b, ca, ca_key);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
}
