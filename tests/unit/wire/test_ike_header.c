#include "node/wire/ike_header.h"

#include "tests/unit/wire/parse_check.h"

static struct ike_header got;

static enum err parse(struct rd r)
{
    return ike_header_parse(&r, &got);
}

static struct span sample(uint8_t buf[64])
{
    struct wr w = wr_of(buf, 64);
    struct ike_header h =
        ike_header_make(0x0102030405060708, 0x1112131415161718, EX_IKE_AUTH, true, false, 7);

    h.next_payload = PL_SK;
    h.length = IKE_HEADER_LEN;
    ike_header_write(&w, &h);
    return wr_span(&w);
}

Test(ike_header, round_trip)
{
    uint8_t buf[64];
    struct span s = sample(buf);
    struct rd r = rd_of(s);

    cr_assert_eq(s.len, (size_t)IKE_HEADER_LEN);
    cr_assert_eq(buf[17], 0x20); /* version 2.0 as on the wire */
    cr_assert_eq(buf[19], 0x08); /* Initiator flag */
    cr_assert_eq(ike_header_parse(&r, &got), OK);
    cr_assert_eq(rd_left(&r), 0);
    cr_assert_eq(got.spi_i, 0x0102030405060708);
    cr_assert_eq(got.spi_r, 0x1112131415161718);
    cr_assert_eq(got.next_payload, PL_SK);
    cr_assert_eq(got.exchange, EX_IKE_AUTH);
    cr_assert_eq(got.msgid, 7);
    cr_assert(ike_from_initiator(&got));
    cr_assert_not(ike_is_response(&got));
}

Test(ike_header, flags_of_the_four_kinds)
{
    struct ike_header h = ike_header_make(1, 2, EX_INFORMATIONAL, false, true, 0);

    cr_assert(ike_is_response(&h));
    cr_assert_not(ike_from_initiator(&h));
    h = ike_header_make(1, 2, EX_INFORMATIONAL, true, true, 0);
    cr_assert(ike_is_response(&h));
    cr_assert(ike_from_initiator(&h));
}

Test(ike_header, truncated_and_trailing)
{
    uint8_t buf[64];
    struct span s = sample(buf);

    check_truncations(parse, s);
    check_trailing(parse, s);
    touch_octets(parse, s);
}

Test(ike_header, length_must_be_the_datagrams)
{
    uint8_t buf[64];
    struct span s = sample(buf);
    static const uint32_t lies[] = { 0, 1, 27, 29, 0x7fffffff, 0x80000000, 0xffffffff };

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct wr w = wr_of(buf, 64);

        w.len = s.len;
        wr_put_u32(&w, IKE_HEADER_LENGTH_AT, lies[i]);
        cr_assert_eq(parse_copy(parse, s.p, s.len), E_BAD_LENGTH);
    }
}

Test(ike_header, other_versions)
{
    uint8_t buf[64];
    struct span s = sample(buf);

    buf[17] = 0x2f; /* a later minor version is ours to read */
    cr_assert_eq(parse_copy(parse, s.p, s.len), OK);
    buf[17] = 0x10;
    cr_assert_eq(parse_copy(parse, s.p, s.len), E_BAD_VERSION);
    got = (struct ike_header){ 0 };
    buf[17] = 0x30;
    cr_assert_eq(parse_copy(parse, s.p, s.len), E_BAD_VERSION);
    cr_assert_eq(got.spi_i, 0x0102030405060708, "the answer needs the SPIs");
    cr_assert_eq(got.msgid, 7);
}

Test(ike_header, failure_leaves_the_cursor)
{
    uint8_t buf[64];
    struct span s = sample(buf);
    struct rd r = rd_of((struct span){ s.p, s.len - 1 });

    cr_assert_neq(ike_header_parse(&r, &got), OK);
    cr_assert_eq(rd_left(&r), s.len - 1);
}

Test(numbers, names)
{
    cr_assert_str_eq(exchange_name(EX_CREATE_CHILD_SA), "CREATE_CHILD_SA");
    cr_assert_str_eq(payload_name(PL_SKF), "SKF");
    cr_assert_str_eq(protocol_name(PROTO_ESP), "ESP");
    cr_assert_str_eq(transform_type_name(TRANSFORM_DH), "DH");
    cr_assert_str_eq(transform_name(TRANSFORM_ENCR, ENCR_AES_GCM_16), "ENCR_AES_GCM_16");
    cr_assert_str_eq(transform_name(TRANSFORM_PRF, PRF_HMAC_SHA2_512), "PRF_HMAC_SHA2_512");
    cr_assert_str_eq(transform_name(TRANSFORM_INTEG, 0), "NONE");
    cr_assert_str_eq(transform_name(TRANSFORM_DH, DH_CURVE25519), "CURVE25519");
    cr_assert_str_eq(transform_name(TRANSFORM_ESN, ESN_YES), "ESN");
    cr_assert_str_eq(transform_name(TRANSFORM_ESN, 9), "unknown");
    cr_assert_str_eq(transform_name(TRANSFORM_ADDKE1, DH_MLKEM_768), "ML-KEM-768");
    cr_assert_str_eq(transform_name(99, 0), "unknown");
    cr_assert_str_eq(id_type_name(ID_FQDN), "ID_FQDN");
    cr_assert_str_eq(cert_encoding_name(CERT_X509_SIGNATURE), "X509_SIGNATURE");
    cr_assert_str_eq(auth_method_name(AUTH_METHOD_SIGNATURE), "DIGITAL_SIGNATURE");
    cr_assert_str_eq(sig_hash_name(SIG_HASH_IDENTITY), "IDENTITY");
    cr_assert_str_eq(notify_name(N_INVALID_KE_PAYLOAD), "INVALID_KE_PAYLOAD");
    cr_assert_str_eq(notify_name(N_IKEV2_MESSAGE_ID_SYNC), "IKEV2_MESSAGE_ID_SYNC");
    cr_assert_str_eq(notify_name(60000), "unknown");
    cr_assert_str_eq(cp_attr_name(INTERNAL_IP6_ADDRESS), "INTERNAL_IP6_ADDRESS");
    cr_assert_str_eq(eap_code_name(EAP_FAILURE), "Failure");
    cr_assert(notify_is_error(N_TS_UNACCEPTABLE));
    cr_assert_not(notify_is_error(N_INITIAL_CONTACT));
}
