#include "node/wire/pl_notify.h"

#include "node/wire/message_build.h"
#include "tests/unit/wire/parse_check.h"

static struct pl_notify got;

static enum err parse(struct rd r)
{
    return pl_notify_parse(r, &got);
}

Test(pl_notify, round_trip)
{
    uint8_t buf[64];
    struct wr w = wr_of(buf, sizeof buf);
    struct pl_notify n = { PROTO_ESP, span_str("spi."), N_REKEY_SA, span_str("data") };
    uint32_t spi;

    pl_notify_write(&w, &n);
    cr_assert_eq(w.len, 12);
    touch_truncations(parse, wr_span(&w));
    touch_octets(parse, wr_span(&w));
    for (size_t len = 0; len < 8; len++)
        cr_assert_eq(parse_copy(parse, buf, len), E_TRUNCATED);
    for (unsigned size = 0; size < 256; size++) {
        buf[1] = (uint8_t)size;
        cr_assert_eq(parse_copy(parse, buf, w.len) == OK, size <= 8);
    }
    buf[1] = 4;
    cr_assert_eq(pl_notify_parse(rd_of(wr_span(&w)), &got), OK);
    cr_assert_eq(got.protocol, PROTO_ESP);
    cr_assert_eq(got.type, N_REKEY_SA);
    cr_assert(span_eq(got.spi, span_str("spi.")));
    cr_assert(span_eq(got.data, span_str("data")));
    cr_assert_eq(notify_spi32(&got, &spi), OK);
    cr_assert_eq(spi, 0x7370692e);
    got.spi.len = 3;
    cr_assert_eq(notify_spi32(&got, &spi), E_BAD_LENGTH);
}

Test(pl_notify, spi_too_long_to_write)
{
    uint8_t buf[600], spi[256] = { 0 };
    struct wr w = wr_of(buf, sizeof buf);

    pl_notify_write(&w, &(struct pl_notify){ PROTO_ESP, span_of(spi, 256), N_REKEY_SA, SPAN_NONE });
    cr_assert_eq(wr_ok(&w), E_LIMIT);
}

Test(pl_notify, find)
{
    uint8_t buf[256], critical;
    struct msg m;
    struct span s;
    struct payload_list l;
    uint16_t group;
    uint32_t hashes;

    msg_begin_inner(&m, buf, sizeof buf);
    msg_add_notify(&m, N_NAT_DETECTION_SOURCE_IP, span_str("one"));
    msg_add_raw(&m, PL_NOTIFY, span_str("x")); /* malformed */
    msg_add_notify(&m, N_NAT_DETECTION_SOURCE_IP, span_str("two"));
    msg_add_invalid_ke(&m, DH_ECP_384);
    msg_add_sig_hashes(&m, 1 << SIG_HASH_SHA2_256 | 1 << SIG_HASH_IDENTITY);
    cr_assert_eq(msg_finish(&m, &s), OK);
    cr_assert_eq(payload_chain_inner(m.first, s, &l, &critical), OK);
    cr_assert_neq(pl_notify_check(&l), OK);
    cr_assert(notify_find(&l, N_NAT_DETECTION_SOURCE_IP, 1, &got));
    cr_assert(span_eq(got.data, span_str("two")));
    cr_assert_not(notify_find(&l, N_NAT_DETECTION_SOURCE_IP, 2, &got));
    cr_assert(notify_has(&l, N_NAT_DETECTION_SOURCE_IP));
    cr_assert_not(notify_has(&l, N_COOKIE));
    cr_assert(notify_find_error(&l, &got));
    cr_assert_eq(got.type, N_INVALID_KE_PAYLOAD);
    cr_assert_eq(notify_ke_group(&got, &group), OK);
    cr_assert_eq(group, DH_ECP_384);
    cr_assert(notify_find(&l, N_SIGNATURE_HASH_ALGORITHMS, 0, &got));
    cr_assert_eq(notify_ke_group(&got, &group), E_BAD_LENGTH);
    cr_assert_eq(notify_sig_hashes(&got, &hashes), OK);
    cr_assert_eq(hashes, 1u << SIG_HASH_SHA2_256 | 1u << SIG_HASH_IDENTITY);
    l.n = 1;
    cr_assert_eq(pl_notify_check(&l), OK);
    cr_assert_not(notify_find_error(&l, &got));
}

Test(pl_notify, sig_hashes)
{
    static const uint8_t wire[] = { 0, 2, 0, 31, 0, 32, 255, 255, 0, 3 };
    struct pl_notify n = { .data = { wire, sizeof wire } };
    uint32_t set;

    cr_assert_eq(notify_sig_hashes(&n, &set), OK);
    cr_assert_eq(set, 1u << 2 | 1u << 3 | 1u << 31);
    n.data.len = 9;
    cr_assert_eq(notify_sig_hashes(&n, &set), E_BAD_LENGTH);
    n.data.len = 0;
    cr_assert_eq(notify_sig_hashes(&n, &set), E_BAD_LENGTH);
}

static enum err redirect(struct rd r)
{
    struct notify_redirect d;

    return notify_redirect_parse(rd_rest(&r), &d);
}

static enum err sync(struct rd r)
{
    struct notify_mid_sync d;

    return notify_mid_sync_parse(rd_rest(&r), &d);
}

Test(pl_notify, redirect)
{
    uint8_t wire[] = { GW_IPV4, 4, 192, 0, 2, 1, 'n', 'o' };
    struct notify_redirect d;

    cr_assert_eq(notify_redirect_parse(span_of(wire, sizeof wire), &d), OK);
    cr_assert_eq(d.gw_type, GW_IPV4);
    cr_assert_eq(d.gw.len, 4);
    cr_assert_eq(d.nonce.len, 2);
    for (size_t n = 0; n < 6; n++)
        cr_assert_eq(parse_copy(redirect, wire, n), E_TRUNCATED);
    for (unsigned len = 0; len < 256; len++) {
        wire[1] = (uint8_t)len;
        cr_assert_eq(parse_copy(redirect, wire, sizeof wire) == OK, len == 4);
    }
    wire[0] = GW_FQDN;
    for (unsigned len = 0; len < 256; len++) {
        wire[1] = (uint8_t)len;
        cr_assert_eq(parse_copy(redirect, wire, sizeof wire) == OK, len >= 1 && len <= 6);
    }
}

Test(pl_notify, mid_sync)
{
    uint8_t buf[16];
    struct wr w = wr_of(buf, sizeof buf);
    struct notify_mid_sync s = { 0xa1a2a3a4, 5, 0xffffffff }, got_sync;

    notify_mid_sync_write(&w, &s);
    cr_assert_eq(notify_mid_sync_parse(wr_span(&w), &got_sync), OK);
    cr_assert_eq(got_sync.nonce, 0xa1a2a3a4);
    cr_assert_eq(got_sync.send_next, 5);
    cr_assert_eq(got_sync.recv_next, 0xffffffff);
    check_truncations(sync, wr_span(&w));
    check_trailing(sync, wr_span(&w));
}
