#include "tests/unit/crypto/pki.h"

#include <openssl/sha.h>

#include "node/crypto/ident.h"
#include "node/crypto/x509_check.h"

/* Root, one intermediate, and an end certificate below it. */
struct pki {
    EVP_PKEY *root_key, *sub_key, *key;
    X509 *root, *sub, *cert;
    struct x509_anchors *anchors;
};

static const struct cert_spec good = { .subject = "gw",
                                       .san = "DNS:gw.example.org,email:gw@example.org,"
                                              "IP:192.0.2.1,IP:2001:db8::1" };

static struct x509_anchors *anchors_of(X509 *ca)
{
    struct octets pem = certs_pem(&ca, 1);
    struct x509_anchors *a = NULL;

    cr_assert_eq(x509_anchors_new(&a), OK);
    cr_assert_eq(x509_anchors_add(a, octets_span(&pem)), OK);
    return a;
}

static struct pki pki_new(const char *kind, const struct cert_spec *end)
{
    struct cert_spec root = { .subject = "Root", .ca = true };
    struct cert_spec sub = { .subject = "Sub", .ca = true };
    struct pki p = { .root_key = key_new("P-256"),
                     .sub_key = key_new("P-384"),
                     .key = key_new(kind) };

    p.root = cert_new(&root, p.root_key, NULL, NULL);
    p.sub = cert_new(&sub, p.sub_key, p.root, p.root_key);
    p.cert = cert_new(end, p.key, p.sub, p.sub_key);
    p.anchors = anchors_of(p.root);
    return p;
}

static void pki_free(struct pki *p)
{
    x509_anchors_free(p->anchors);
    X509_free(p->cert);
    X509_free(p->sub);
    X509_free(p->root);
    EVP_PKEY_free(p->key);
    EVP_PKEY_free(p->sub_key);
    EVP_PKEY_free(p->root_key);
}

static enum err verify_at(struct x509_anchors *a, uint64_t now, X509 *leaf, X509 *sub)
{
    struct octets l = cert_der(leaf), s = { 0 };
    struct span certs[2] = { octets_span(&l) };
    struct x509_peer *peer = NULL;
    const char *why = "";
    enum err e;

    if (sub != NULL) {
        s = cert_der(sub);
        certs[1] = octets_span(&s);
    }
    e = x509_verify(a, now, certs, sub == NULL ? 1 : 2, &peer, &why);
    cr_assert((e == OK) == (peer != NULL));
    cr_assert((e == OK) == (why == NULL), "a reason exactly when it is refused");
    x509_peer_free(peer);
    return e;
}

static enum err verify_spec(const char *kind, const struct cert_spec *end)
{
    struct pki p = pki_new(kind, end);
    enum err e = verify_at(p.anchors, NOW, p.cert, p.sub);

    pki_free(&p);
    return e;
}

Test(x509, good_chains, .timeout = 60)
{
    static const char *const kinds[] = { "P-256", "P-384", "P-521", "RSA2048", "ED25519", "ED448" };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        cr_assert_eq(verify_spec(kinds[i], &good), OK, "%s", kinds[i]);
}

Test(x509, usages)
{
    struct cert_spec s = good;

    cr_assert_eq(verify_spec("P-256", &s), OK, "neither usage there");
    s.usage = "critical,digitalSignature";
    cr_assert_eq(verify_spec("P-256", &s), OK);
    s.usage = "nonRepudiation";
    cr_assert_eq(verify_spec("P-256", &s), OK);
    s.usage = "keyAgreement";
    cr_assert_eq(verify_spec("P-256", &s), E_AUTH_FAILED);
    s.usage = NULL;
    s.eku = "serverAuth";
    cr_assert_eq(verify_spec("P-256", &s), OK);
    s.eku = "codeSigning,clientAuth";
    cr_assert_eq(verify_spec("P-256", &s), OK);
    s.eku = "1.3.6.1.5.5.7.3.17";
    cr_assert_eq(verify_spec("P-256", &s), OK, "ipsecIKE");
    s.eku = "1.3.6.1.5.5.8.2.2";
    cr_assert_eq(verify_spec("P-256", &s), OK, "iKEIntermediate");
    s.eku = "anyExtendedKeyUsage";
    cr_assert_eq(verify_spec("P-256", &s), OK);
    s.eku = "codeSigning";
    cr_assert_eq(verify_spec("P-256", &s), E_AUTH_FAILED);
}

Test(x509, time, .timeout = 30)
{
    struct pki p = pki_new("P-256", &good);

    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, p.sub), OK);
    cr_assert_eq(verify_at(p.anchors, NOW + 86400 + 1, p.cert, p.sub), E_AUTH_FAILED,
                 "expired, although remembered");
    cr_assert_eq(verify_at(p.anchors, NOW - 86400 - 1, p.cert, p.sub), E_AUTH_FAILED,
                 "not yet valid, although remembered");
    cr_assert_eq(verify_at(p.anchors, NOW + 86400, p.cert, p.sub), OK, "the last second");
    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, p.sub), OK);
    pki_free(&p);
}

Test(x509, untrusted)
{
    struct pki p = pki_new("P-256", &good), q = pki_new("P-256", &good);
    struct cert_spec self = good;
    X509 *own;

    cr_assert_eq(verify_at(q.anchors, NOW, p.cert, p.sub), E_AUTH_FAILED,
                 "another root of the same name");
    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, NULL), E_AUTH_FAILED, "no intermediate");
    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, q.sub), E_AUTH_FAILED, "the wrong one");
    own = cert_new(&self, p.key, NULL, NULL);
    cr_assert_eq(verify_at(p.anchors, NOW, own, NULL), E_AUTH_FAILED, "self-signed");
    cr_assert_eq(verify_at(p.anchors, NOW, own, p.root), E_AUTH_FAILED, "root beside it");
    /* The peer sends its own root along: it must not become an anchor. */
    cr_assert_eq(verify_at(p.anchors, NOW, q.root, NULL), E_AUTH_FAILED);
    X509_free(own);
    pki_free(&p);
    pki_free(&q);
}

Test(x509, an_end_certificate_is_no_ca)
{
    struct pki p = pki_new("P-256", &good);
    EVP_PKEY *k = key_new("P-256");
    X509 *below = cert_new(&good, k, p.cert, p.key);
    struct octets c[3] = { cert_der(below), cert_der(p.cert), cert_der(p.sub) };
    struct span certs[] = { octets_span(&c[0]), octets_span(&c[1]), octets_span(&c[2]) };
    struct x509_peer *peer = NULL;

    cr_assert_eq(x509_verify(p.anchors, NOW, certs, 3, &peer, NULL), E_AUTH_FAILED);
    X509_free(below);
    EVP_PKEY_free(k);
    pki_free(&p);
}

Test(x509, an_intermediate_may_be_the_anchor)
{
    struct pki p = pki_new("P-256", &good);
    struct x509_anchors *a = anchors_of(p.sub);

    cr_assert_eq(verify_at(a, NOW, p.cert, NULL), OK);
    x509_anchors_free(a);
    pki_free(&p);
}

Test(x509, weak_keys_and_hashes, .timeout = 60)
{
    struct cert_spec sha1 = good;

    sha1.md = EVP_sha1();
    cr_assert_eq(verify_spec("P-256", &sha1), E_AUTH_FAILED, "SHA-1 signature");
    cr_assert_eq(verify_spec("RSA1024", &good), E_AUTH_FAILED);
    cr_assert_eq(verify_spec("RSA-e3", &good), E_AUTH_FAILED);
    cr_assert_eq(verify_spec("secp256k1", &good), E_AUTH_FAILED);
}

Test(x509, tampered_and_malformed, .timeout = 60)
{
    struct pki p = pki_new("P-256", &good);
    struct octets l = cert_der(p.cert), s = cert_der(p.sub);
    struct span certs[] = { octets_span(&l), octets_span(&s) };
    struct x509_peer *peer = NULL;
    const char *why;

    cr_assert_eq(x509_verify(p.anchors, NOW, certs, 2, &peer, &why), OK);
    peer = x509_peer_free(peer);
    for (size_t i = 0; i < l.len; i += 3) {
        l.p[i] ^= 0x10;
        cr_assert_eq(x509_verify(p.anchors, NOW, certs, 2, &peer, &why), E_AUTH_FAILED, "%zu", i);
        l.p[i] ^= 0x10;
    }
    for (size_t n = 0; n < l.len; n += 11) {
        certs[0].len = n;
        cr_assert_eq(x509_verify(p.anchors, NOW, certs, 2, &peer, &why), E_AUTH_FAILED);
    }
    certs[0].len = l.len + 1; /* one octet too many */
    cr_assert_eq(x509_verify(p.anchors, NOW, certs, 2, &peer, &why), E_AUTH_FAILED);
    cr_assert_eq(x509_verify(p.anchors, NOW, certs, 0, &peer, &why), E_AUTH_FAILED);
    certs[0].len = l.len;
    certs[1].len = s.len / 2; /* a broken intermediate is one that is missing */
    cr_assert_eq(x509_verify(p.anchors, NOW, certs, 2, &peer, &why), E_AUTH_FAILED);
    cr_assert_null(peer);
    pki_free(&p);
}

static bool peer_is(struct x509_peer *p, const char *text)
{
    struct ident i;

    cr_assert_eq(ident_parse(text, &i), OK, "%s", text);
    return x509_peer_is_id(p, i.type, ident_span(&i));
}

Test(x509, identity)
{
    struct cert_spec spec = good;
    struct pki p;
    struct octets l, s;
    struct x509_peer *peer = NULL;
    char text[X509_TEXT_MAX];
    const unsigned char *der = NULL;
    size_t len = 0;

    spec.san = "DNS:gw.example.org,DNS:*.wild.example.org,email:gw@example.org,IP:192.0.2.1,"
               "IP:2001:db8::1";
    p = pki_new("P-256", &spec);
    l = cert_der(p.cert);
    s = cert_der(p.sub);
    {
        struct span certs[] = { octets_span(&l), octets_span(&s) };

        cr_assert_eq(x509_verify(p.anchors, NOW, certs, 2, &peer, NULL), OK);
    }
    cr_assert(peer_is(peer, "gw.example.org"));
    cr_assert(peer_is(peer, "GW.Example.ORG"));
    cr_assert(peer_is(peer, "gw@example.org"));
    cr_assert(peer_is(peer, "192.0.2.1"));
    cr_assert(peer_is(peer, "2001:db8::1"));
    cr_assert(!peer_is(peer, "gw.example.or"));
    cr_assert(!peer_is(peer, "gw.example.org."));
    cr_assert(!peer_is(peer, "a.wild.example.org"), "a wildcard of the certificate is no licence");
    cr_assert(!peer_is(peer, "gw2@example.org"));
    cr_assert(!peer_is(peer, "192.0.2.2"));
    cr_assert(!peer_is(peer, "2001:db8::2"));
    cr_assert(!peer_is(peer, "gw"), "the common name is no host name");
    cr_assert(!peer_is(peer, "keyid:gw.example.org"));
    /* A name of one type is not one of another. */
    cr_assert(!x509_peer_is_id(peer, IDENT_RFC822, span_str("gw.example.org")));
    cr_assert(!x509_peer_is_id(peer, IDENT_FQDN, span_str("gw@example.org")));
    cr_assert(!x509_peer_is_id(peer, IDENT_FQDN, span_of("gw.example.org\0x", 16)));
    cr_assert(!x509_peer_is_id(peer, IDENT_FQDN, SPAN_NONE));
    cr_assert(!x509_peer_is_id(peer, IDENT_IPV4, span_str("192")));
    cr_assert(!x509_peer_is_id(peer, 13, span_str("gw.example.org")), "ID_NULL");

    cr_assert_eq(X509_NAME_get0_der(X509_get_subject_name(p.cert), &der, &len), 1);
    cr_assert(x509_peer_is_id(peer, IDENT_DER_DN, span_of(der, len)));
    cr_assert(!x509_peer_is_id(peer, IDENT_DER_DN, span_of(der, len - 1)));
    cr_assert(!peer_is(peer, "O=Example, CN=other"));
    cr_assert_str_eq(x509_peer_subject_text(peer, text), "O=Example,CN=gw");
    cr_assert_eq(x509_peer_not_after(peer), NOW + 86400);
    pki_free(&p); /* the peer outlives the anchors */
    cr_assert(peer_is(peer, "gw.example.org"));
    x509_peer_free(peer);
}

Test(x509, remembered_is_forgotten_with_new_anchors)
{
    struct pki p = pki_new("P-256", &good);
    struct octets root = certs_pem(&p.root, 1);

    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, p.sub), OK);
    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, p.sub), OK);
    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, NULL), E_AUTH_FAILED,
                 "another list of certificates is another chain");
    cr_assert_eq(x509_anchors_add(p.anchors, octets_span(&root)), OK);
    cr_assert_eq(verify_at(p.anchors, NOW, p.cert, p.sub), OK);
    pki_free(&p);
}

Test(x509, own_chain)
{
    struct pki p = pki_new("P-256", &good), q = pki_new("P-256", &good);
    X509 *const list[] = { p.cert, p.sub };
    struct octets pem = certs_pem(list, 2), l = cert_der(p.cert), s = cert_der(p.sub);
    struct octets key = key_file(p.key, true), root_der = cert_der(p.root);
    struct x509_chain *c = NULL, *alone = NULL;
    struct sign_key *k = NULL;
    struct ident dn;
    unsigned char *spki = NULL, hash[20];
    struct span certreq;
    int n;

    cr_assert_eq(x509_chain_load(octets_span(&pem), &c), OK);
    cr_assert(span_eq(x509_chain_der(c, 0), octets_span(&l)));
    cr_assert(span_eq(x509_chain_der(c, 1), octets_span(&s)));
    cr_assert_eq(x509_chain_der(c, 2).len, 0);
    cr_assert_eq(sign_key_load(octets_span(&key), &k), OK);
    cr_assert(sign_key_matches(k, x509_chain_key(c)));
    cr_assert(x509_chain_is_id(c, IDENT_FQDN, span_str("gw.example.org")));
    cr_assert(!x509_chain_is_id(c, IDENT_FQDN, span_str("other.example.org")));
    cr_assert_eq(ident_parse("O=Example, CN=gw", &dn), OK);
    cr_assert(x509_chain_is_id(c, IDENT_DER_DN, ident_span(&dn)));
    cr_assert(x509_chain_is_id(c, IDENT_DER_DN, x509_chain_subject(c)));

    /* CERTREQ: SHA-1 over the root's SubjectPublicKeyInfo, computed apart. */
    certreq = x509_anchors_certreq(p.anchors);
    cr_assert_eq(certreq.len, 20);
    n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(p.root), &spki);
    SHA1(spki, (size_t)n, hash);
    cr_assert(span_eq(certreq, span_of(hash, 20)));
    cr_assert(x509_chain_fits(c, p.anchors, certreq), "by way of the anchor above the chain");
    cr_assert(x509_chain_fits(c, NULL, SPAN_NONE));
    cr_assert(!x509_chain_fits(c, p.anchors, x509_anchors_certreq(q.anchors)));
    cr_assert(!x509_chain_fits(c, NULL, certreq));
    OPENSSL_free(spki);
    spki = NULL;
    n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(p.sub), &spki);
    SHA1(spki, (size_t)n, hash);
    cr_assert(x509_chain_fits(c, NULL, span_of(hash, 20)), "an intermediate of our own");
    cr_assert_eq(x509_chain_load(octets_span(&root_der), &alone), OK, "DER");
    OPENSSL_free(spki);
    sign_key_free(k);
    x509_chain_free(alone);
    x509_chain_free(c);
    pki_free(&p);
    pki_free(&q);
}

Test(x509, files_that_are_none)
{
    struct pki p = pki_new("P-256", &good);
    struct octets key = key_file(p.key, true), pem = certs_pem(&p.root, 1);
    struct x509_chain *c = NULL;

    cr_assert_eq(x509_chain_load(SPAN_NONE, &c), E_CONFIG);
    cr_assert_eq(x509_chain_load(span_str("hello"), &c), E_CONFIG);
    cr_assert_eq(x509_chain_load(octets_span(&key), &c), E_CONFIG, "a key, no certificate");
    cr_assert_eq(x509_anchors_add(p.anchors, octets_span(&key)), E_CONFIG);
    pem.p[pem.len / 2] = '!';
    cr_assert_eq(x509_anchors_add(p.anchors, octets_span(&pem)), E_CONFIG, "broken in the middle");
    cr_assert_null(c);
    pki_free(&p);
}
