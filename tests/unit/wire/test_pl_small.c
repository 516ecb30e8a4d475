/* The payloads of a few fields: KE, nonce, ID, CERT, CERTREQ, AUTH, Delete, EAP. */
#include "node/wire/pl_auth.h"
#include "node/wire/pl_cert.h"
#include "node/wire/pl_delete.h"
#include "node/wire/pl_eap.h"
#include "node/wire/pl_id.h"
#include "node/wire/pl_ke.h"
#include "node/wire/pl_nonce.h"

#include "tests/unit/wire/parse_check.h"

#define PARSE(name, kind, call)                                                                    \
    static enum err name(struct rd r)                                                              \
    {                                                                                              \
        kind v;                                                                                    \
        return call(r, &v);                                                                        \
    }

PARSE(ke, struct pl_ke, pl_ke_parse)
PARSE(nonce, struct span, pl_nonce_parse)
PARSE(id, struct pl_id, pl_id_parse)
PARSE(cert, struct pl_cert, pl_cert_parse)
PARSE(certreq, struct pl_certreq, pl_certreq_parse)
PARSE(auth, struct pl_auth, pl_auth_parse)
PARSE(del, struct pl_delete, pl_delete_parse)
PARSE(eap, struct pl_eap, pl_eap_parse)

static enum err signature(struct rd r)
{
    struct auth_signature s;

    return auth_signature_parse(rd_rest(&r), &s);
}

static uint8_t buf[1024];
static struct wr w;

static void fresh(void)
{
    w = wr_of(buf, sizeof buf);
}

TestSuite(small, .init = fresh);

Test(small, ke)
{
    struct pl_ke k;

    pl_ke_write(&w, &(struct pl_ke){ DH_CURVE25519, span_str("value") });
    cr_assert_eq(w.len, 9);
    cr_assert_eq(pl_ke_parse(rd_of(wr_span(&w)), &k), OK);
    cr_assert_eq(k.group, DH_CURVE25519);
    cr_assert(span_eq(k.data, span_str("value")));
    touch_truncations(ke, wr_span(&w));
    touch_octets(ke, wr_span(&w));
    cr_assert_eq(parse_copy(ke, buf, 4), E_BAD_LENGTH, "no public value");
    for (size_t n = 0; n < 4; n++)
        cr_assert_eq(parse_copy(ke, buf, n), E_TRUNCATED);
}

Test(small, nonce)
{
    struct span s;

    memset(buf, 7, sizeof buf);
    for (size_t n = 0; n < 300; n++)
        cr_assert_eq(parse_copy(nonce, buf, n), n >= 16 && n <= 256 ? OK : E_BAD_LENGTH);
    pl_nonce_write(&w, span_str("0123456789abcdef"));
    cr_assert_eq(pl_nonce_parse(rd_of(wr_span(&w)), &s), OK);
    cr_assert(span_eq(s, span_str("0123456789abcdef")));
}

Test(small, id)
{
    struct pl_id got;

    pl_id_write(&w, &(struct pl_id){ ID_FQDN, span_str("vpn.example.org") });
    cr_assert_eq(pl_id_parse(rd_of(wr_span(&w)), &got), OK);
    cr_assert_eq(got.type, ID_FQDN);
    cr_assert(span_eq(got.data, span_str("vpn.example.org")));
    touch_truncations(id, wr_span(&w));
    touch_octets(id, wr_span(&w));
    for (size_t n = 0; n < 4; n++)
        cr_assert_eq(parse_copy(id, buf, n), E_TRUNCATED);
    cr_assert_eq(parse_copy(id, buf, 4), E_BAD_LENGTH);
    for (size_t n = 0; n < 20; n++) {
        buf[0] = ID_IPV4_ADDR;
        cr_assert_eq(parse_copy(id, buf, 4 + n), n == 4 ? OK : E_BAD_LENGTH);
        buf[0] = ID_IPV6_ADDR;
        cr_assert_eq(parse_copy(id, buf, 4 + n), n == 16 ? OK : E_BAD_LENGTH);
        buf[0] = ID_NULL;
        cr_assert_eq(parse_copy(id, buf, 4 + n), n == 0 ? OK : E_BAD_LENGTH);
    }
}

Test(small, cert)
{
    struct pl_cert got;

    pl_cert_write(&w, &(struct pl_cert){ CERT_X509_SIGNATURE, span_str("DER") });
    cr_assert_eq(pl_cert_parse(rd_of(wr_span(&w)), &got), OK);
    cr_assert_eq(got.encoding, CERT_X509_SIGNATURE);
    cr_assert(span_eq(got.data, span_str("DER")));
    touch_octets(cert, wr_span(&w));
    cr_assert_eq(parse_copy(cert, buf, 0), E_TRUNCATED);
    cr_assert_eq(parse_copy(cert, buf, 1), E_BAD_LENGTH);
}

Test(small, certreq)
{
    struct span hashes = span_str("a hash of a first ca a hash of a second c");
    struct pl_certreq got;

    hashes.len = 40;
    pl_certreq_write(&w, &(struct pl_certreq){ CERT_X509_SIGNATURE, hashes });
    cr_assert_eq(pl_certreq_parse(rd_of(wr_span(&w)), &got), OK);
    cr_assert(certreq_wants(&got, (struct span){ hashes.p, 20 }));
    cr_assert(certreq_wants(&got, (struct span){ hashes.p + 20, 20 }));
    cr_assert_not(certreq_wants(&got, (struct span){ hashes.p + 1, 20 }));
    for (size_t n = 1; n <= 41; n++)
        cr_assert_eq(parse_copy(certreq, buf, n) == OK, n == 1 || n == 21 || n == 41);
    cr_assert_eq(parse_copy(certreq, buf, 0), E_TRUNCATED);
    cr_assert_eq(pl_certreq_parse(rd_of(span_of(buf, 1)), &got), OK);
    cr_assert(certreq_wants(&got, (struct span){ hashes.p, 20 }), "no CA named: any");
}

Test(small, auth)
{
    struct pl_auth got;

    pl_auth_write(&w, &(struct pl_auth){ AUTH_METHOD_PSK, span_str("mac") });
    cr_assert_eq(pl_auth_parse(rd_of(wr_span(&w)), &got), OK);
    cr_assert_eq(got.method, AUTH_METHOD_PSK);
    cr_assert(span_eq(got.data, span_str("mac")));
    touch_octets(auth, wr_span(&w));
    for (size_t n = 0; n < 5; n++)
        cr_assert_neq(parse_copy(auth, buf, n), OK);
}

Test(small, auth_signature)
{
    struct auth_signature got;

    auth_signature_write(&w, &(struct auth_signature){ span_str("alg"), span_str("sig") });
    cr_assert_eq(buf[0], 3);
    cr_assert_eq(auth_signature_parse(wr_span(&w), &got), OK);
    cr_assert(span_eq(got.alg_id, span_str("alg")));
    cr_assert(span_eq(got.value, span_str("sig")));
    for (size_t n = 0; n < 5; n++)
        cr_assert_neq(parse_copy(signature, buf, n), OK);
    for (unsigned len = 0; len < 256; len++) {
        buf[0] = (uint8_t)len;
        cr_assert_eq(parse_copy(signature, buf, 7) == OK, len >= 1 && len <= 5);
    }
    uint8_t big[256] = { 0 };

    auth_signature_write(&w, &(struct auth_signature){ span_of(big, 256), span_str("sig") });
    cr_assert_eq(wr_ok(&w), E_LIMIT);
}

Test(small, delete_esp)
{
    struct pl_delete d = { .protocol = PROTO_ESP, .n = 2, .spi = { 0x11223344, 0xffeeddcc } };
    struct pl_delete got;

    pl_delete_write(&w, &d);
    cr_assert_eq(w.len, 12);
    cr_assert_eq(pl_delete_parse(rd_of(wr_span(&w)), &got), OK);
    cr_assert_eq(got.protocol, PROTO_ESP);
    cr_assert_eq(got.n, 2);
    cr_assert_eq(got.spi[1], 0xffeeddcc);
    check_truncations(del, wr_span(&w));
    check_trailing(del, wr_span(&w));
    touch_octets(del, wr_span(&w));
    for (unsigned size = 0; size < 256; size++) {
        buf[1] = (uint8_t)size;
        cr_assert_eq(parse_copy(del, buf, 12) == OK, size == 4);
    }
}

Test(small, delete_ike_and_limits)
{
    struct pl_delete d = { .protocol = PROTO_IKE };
    uint8_t big[4 + 4 * (LIMIT_DELETE_SPIS + 1)] = { PROTO_AH, 4, 0, LIMIT_DELETE_SPIS };

    pl_delete_write(&w, &d);
    cr_assert_eq(w.len, 4);
    check_truncations(del, wr_span(&w));
    buf[3] = 1;
    cr_assert_eq(parse_copy(del, buf, 4), E_BAD_LENGTH);
    buf[3] = 0;
    buf[1] = 8;
    cr_assert_eq(parse_copy(del, buf, 4), E_BAD_LENGTH);
    buf[0] = 9;
    cr_assert_eq(parse_copy(del, buf, 4), E_BAD_VALUE);
    cr_assert_eq(parse_copy(del, big, sizeof big - 4), OK);
    big[3]++;
    cr_assert_eq(parse_copy(del, big, sizeof big), E_LIMIT);
    big[2] = big[3] = 0xff;
    cr_assert_eq(parse_copy(del, big, sizeof big), E_LIMIT);
}

Test(small, eap)
{
    struct pl_eap e = {
        .code = EAP_RESPONSE, .id = 9, .type = EAP_IDENTITY, .data = span_str("me")
    };
    struct pl_eap got;

    pl_eap_write(&w, &e);
    cr_assert_eq(w.len, 7);
    cr_assert_eq(pl_eap_parse(rd_of(wr_span(&w)), &got), OK);
    cr_assert_eq(got.code, EAP_RESPONSE);
    cr_assert_eq(got.id, 9);
    cr_assert_eq(got.type, EAP_IDENTITY);
    cr_assert(span_eq(got.data, span_str("me")));
    cr_assert(span_eq(got.packet, wr_span(&w)));
    check_truncations(eap, wr_span(&w));
    check_trailing(eap, wr_span(&w));
    touch_octets(eap, wr_span(&w));
    buf[0] = 5;
    cr_assert_eq(parse_copy(eap, buf, 7), E_BAD_VALUE);
    buf[0] = EAP_SUCCESS;
    cr_assert_eq(parse_copy(eap, buf, 7), E_TRAILING, "Success has no data");
    fresh();
    pl_eap_write(&w, &(struct pl_eap){ .code = EAP_SUCCESS, .id = 10 });
    cr_assert_eq(w.len, 4);
    cr_assert_eq(parse_copy(eap, buf, 4), OK);
    buf[0] = EAP_REQUEST;
    cr_assert_eq(parse_copy(eap, buf, 4), E_TRUNCATED, "a request has a type");
}
