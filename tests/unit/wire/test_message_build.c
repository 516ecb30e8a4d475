#include "node/wire/message_build.h"

#include "node/wire/payload_chain.h"
#include "tests/unit/wire/parse_check.h"

static uint8_t buf[2048];

static struct span build(struct msg *m)
{
    struct ike_header h = ike_header_make(0xa1, 0, EX_IKE_SA_INIT, true, false, 0);
    static struct pl_sa sa;
    struct span s;
    struct ts ts = { .port_last = 65535,
                     .first = { 4, { 10, 0, 0, 0 } },
                     .last = { 4, { 10, 0, 0, 255 } } };
    uint32_t spis[2] = { 0x1000, 0x2000 };

    sa.n = 1;
    sa.p[0] = (struct proposal){ .num = 1, .protocol = PROTO_IKE, .n = 1 };
    sa.p[0].t[0] = (struct transform){ .type = TRANSFORM_DH, .id = DH_ECP_256 };
    msg_begin(m, buf, sizeof buf, &h);
    msg_add_sa(m, &sa);
    msg_add_ke(m, DH_ECP_256, span_str("point"));
    msg_add_nonce(m, span_str("0123456789abcdef"));
    msg_add_notify(m, N_COOKIE, span_str("cookie"));
    msg_add_notify_esp(m, N_REKEY_SA, 0xcafe0001, SPAN_NONE);
    msg_add_invalid_ke(m, DH_CURVE25519);
    msg_add_sig_hashes(m, 1 << SIG_HASH_SHA2_384);
    msg_add_id(m, PL_IDI, &(struct pl_id){ ID_FQDN, span_str("a") });
    msg_add_cert(m, CERT_X509_SIGNATURE, span_str("der"));
    msg_add_certreq(m, CERT_X509_SIGNATURE, span_str("twenty octets of hash"));
    msg_add_auth(m, AUTH_METHOD_PSK, span_str("mac"));
    msg_add_ts(m, PL_TSI, &ts, 1);
    msg_add_ts(m, PL_TSR, &ts, 1);
    msg_add_delete_ike(m);
    msg_add_delete_esp(m, spis, 2);
    msg_add_raw(m, PL_VENDOR, span_str("us"));
    cr_assert_eq(msg_finish(m, &s), OK);
    return s;
}

Test(message_build, what_is_built_parses)
{
    static const uint8_t order[] = { PL_SA,     PL_KE,      PL_NONCE,  PL_NOTIFY,
                                     PL_NOTIFY, PL_NOTIFY,  PL_NOTIFY, PL_IDI,
                                     PL_CERT,   PL_CERTREQ, PL_AUTH,   PL_TSI,
                                     PL_TSR,    PL_DELETE,  PL_DELETE, PL_VENDOR };
    struct msg m;
    struct span s = build(&m);
    struct rd r = rd_of(s);
    struct ike_header h;
    struct payload_list l;
    static struct pl_sa sa;
    struct pl_delete d;
    struct pl_notify n;
    struct pl_ts ts;
    uint32_t spi;
    uint8_t critical;

    cr_assert_eq(ike_header_parse(&r, &h), OK);
    cr_assert_eq(h.length, s.len);
    cr_assert_eq(h.next_payload, PL_SA);
    cr_assert_eq(m.first, PL_SA);
    cr_assert_eq(payload_chain_clear(h.next_payload, rd_rest(&r), &l, &critical), OK);
    cr_assert_eq(l.n, sizeof order);
    for (size_t i = 0; i < l.n; i++)
        cr_assert_eq(l.p[i].type, order[i]);
    cr_assert_eq(pl_notify_check(&l), OK);
    cr_assert_eq(pl_sa_parse(rd_of(l.p[0].body), &sa), OK);
    cr_assert_eq(sa.p[0].t[0].id, DH_ECP_256);
    cr_assert(notify_find(&l, N_REKEY_SA, 0, &n));
    cr_assert_eq(n.protocol, PROTO_ESP);
    cr_assert_eq(notify_spi32(&n, &spi), OK);
    cr_assert_eq(spi, 0xcafe0001);
    cr_assert_eq(pl_ts_parse(rd_of(payload_first(&l, PL_TSR)->body), &ts), OK);
    cr_assert_eq(ts.ts[0].last.ip[3], 255);
    cr_assert_eq(pl_delete_parse(rd_of(payload_nth(&l, PL_DELETE, 1)->body), &d), OK);
    cr_assert_eq(d.n, 2);
    cr_assert_eq(d.spi[1], 0x2000);
}

Test(message_build, empty)
{
    struct ike_header h = ike_header_make(1, 2, EX_INFORMATIONAL, false, true, 3);
    struct msg m;
    struct span s;

    h.next_payload = 99; /* whatever stands there is replaced */
    msg_begin(&m, buf, sizeof buf, &h);
    cr_assert_eq(msg_finish(&m, &s), OK);
    cr_assert_eq(s.len, (size_t)IKE_HEADER_LEN);
    cr_assert_eq(s.p[16], 0);
    cr_assert_eq(s.p[27], IKE_HEADER_LEN);
    msg_begin_inner(&m, buf, sizeof buf);
    cr_assert_eq(msg_finish(&m, &s), OK);
    cr_assert_eq(s.len, 0);
    cr_assert_eq(m.first, PL_NONE);
}

Test(message_build, every_smaller_buffer_fails)
{
    struct ike_header h = ike_header_make(1, 2, EX_INFORMATIONAL, false, true, 3);

    for (size_t cap = 0; cap < IKE_HEADER_LEN + 10; cap++) {
        uint8_t *exact = malloc(cap > 0 ? cap : 1);
        struct msg m;
        struct span s = SPAN_NONE;

        msg_begin(&m, exact, cap, &h);
        msg_add_raw(&m, PL_VENDOR, span_str("ab"));
        msg_add_raw(&m, PL_VENDOR, SPAN_NONE);
        cr_assert_eq(msg_finish(&m, &s), E_LIMIT);
        cr_assert_null(s.p);
        free(exact);
    }
}

Test(message_build, payload_too_long)
{
    static uint8_t big[70000], body[66000];
    struct msg m;
    struct span s;
    uint32_t spis[LIMIT_DELETE_SPIS + 1] = { 0 };

    msg_begin_inner(&m, big, sizeof big);
    msg_add_raw(&m, PL_VENDOR, span_of(body, 65531));
    cr_assert_eq(msg_finish(&m, &s), OK);
    msg_begin_inner(&m, big, sizeof big);
    msg_add_raw(&m, PL_VENDOR, span_of(body, 65532));
    cr_assert_eq(msg_finish(&m, &s), E_LIMIT);
    msg_begin_inner(&m, big, sizeof big);
    msg_add_delete_esp(&m, spis, LIMIT_DELETE_SPIS + 1);
    cr_assert_eq(msg_finish(&m, &s), E_LIMIT);
}
