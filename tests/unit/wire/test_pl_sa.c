#include "node/wire/pl_sa.h"

#include "tests/unit/wire/parse_check.h"

static struct pl_sa got;

static enum err parse(struct rd r)
{
    return pl_sa_parse(r, &got);
}

static void transform(struct proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
    p->t[p->n++] = (struct transform){ .type = type, .id = id, .key_bits = key_bits };
}

/* Two proposals: AES-GCM with key length and a rekey SPI, then CBC. */
static struct span sample(uint8_t *buf, size_t cap)
{
    static struct pl_sa sa;
    struct wr w = wr_of(buf, cap);

    sa.n = 2;
    sa.p[0] = (struct proposal){ .num = 1, .protocol = PROTO_IKE, .spi = span_str("8 octets") };
    transform(&sa.p[0], TRANSFORM_ENCR, ENCR_AES_GCM_16, 256);
    transform(&sa.p[0], TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
    transform(&sa.p[0], TRANSFORM_DH, DH_CURVE25519, 0);
    sa.p[1] = (struct proposal){ .num = 2, .protocol = PROTO_IKE, .spi = span_str("8 octets") };
    transform(&sa.p[1], TRANSFORM_ENCR, ENCR_AES_CBC, 128);
    transform(&sa.p[1], TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0);
    pl_sa_write(&w, &sa);
    cr_assert_eq(wr_ok(&w), OK);
    return wr_span(&w);
}

Test(pl_sa, round_trip)
{
    uint8_t buf[256];
    struct span s = sample(buf, sizeof buf);

    cr_assert_eq(parse_copy(parse, s.p, s.len), OK);
    cr_assert_eq(pl_sa_parse(rd_of(s), &got), OK);
    cr_assert_eq(got.n, 2);
    cr_assert_eq(got.p[0].num, 1);
    cr_assert_eq(got.p[0].protocol, PROTO_IKE);
    cr_assert(span_eq(got.p[0].spi, span_str("8 octets")));
    cr_assert_eq(got.p[0].n, 3);
    cr_assert_eq(got.p[0].t[0].id, ENCR_AES_GCM_16);
    cr_assert_eq(got.p[0].t[0].key_bits, 256);
    cr_assert_eq(got.p[0].t[2].type, TRANSFORM_DH);
    cr_assert_eq(got.p[0].t[2].id, DH_CURVE25519);
    cr_assert_eq(got.p[1].n, 2);
    cr_assert_eq(got.p[1].t[0].key_bits, 128);
    cr_assert_not(got.p[1].t[0].unusable);
}

/* RFC 7296 3.3: the octets of one proposal, written by hand. */
Test(pl_sa, golden)
{
    static const uint8_t wire[] = {
        0,    0,  0, 44, 1, 1, 0, 4,  /* last, length, number, IKE, no SPI, 4 transforms */
        3,    0,  0, 12, 1, 0, 0, 20, /* ENCR_AES_GCM_16 */
        0x80, 14, 1, 0,               /* Key Length 256 */
        3,    0,  0, 8,  2, 0, 0, 5,  /* PRF_HMAC_SHA2_256 */
        3,    0,  0, 8,  3, 0, 0, 0,  /* INTEG NONE */
        0,    0,  0, 8,  4, 0, 0, 31, /* CURVE25519 */
    };
    uint8_t buf[64];
    struct wr w = wr_of(buf, sizeof buf);

    cr_assert_eq(pl_sa_parse(rd_of(span_of(wire, sizeof wire)), &got), OK);
    cr_assert_eq(got.p[0].n, 4);
    cr_assert_eq(got.p[0].t[0].key_bits, 256);
    cr_assert_eq(got.p[0].t[3].id, DH_CURVE25519);
    pl_sa_write(&w, &got);
    cr_assert(span_eq(wr_span(&w), span_of(wire, sizeof wire)));
}

Test(pl_sa, truncated_trailing_changed)
{
    uint8_t buf[256];
    struct span s = sample(buf, sizeof buf);

    check_truncations(parse, s);
    check_trailing(parse, s);
    touch_octets(parse, s);
}

/* Offsets into sample(): proposal 1 at 0 (SPI 8..15), its transforms at 16, 28, 36; proposal 2
 * at 44. */
Test(pl_sa, lengths_and_counts_lie)
{
    static const size_t lengths[] = { 2, 16 + 2, 28 + 2, 36 + 2, 44 + 2 };
    static const uint16_t lies[] = { 0, 1, 4, 7, 9, 255, 0x8000, 0xffff };
    uint8_t buf[256];
    struct span s = sample(buf, sizeof buf);

    cr_assert_eq(buf[44 + 4], 2, "layout of the sample");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t j = 0; j < sizeof lies / sizeof lies[0]; j++) {
            s = sample(buf, sizeof buf);
            struct wr w = { buf, s.len, sizeof buf, false };

            wr_put_u16(&w, lengths[i], lies[j]);
            cr_assert_neq(parse_copy(parse, s.p, s.len), OK, "length %u at %zu", lies[j],
                          lengths[i]);
        }
    }
    for (unsigned count = 0; count < 256; count++) {
        s = sample(buf, sizeof buf);
        buf[7] = (uint8_t)count;
        cr_assert_eq(parse_copy(parse, s.p, s.len) == OK, count == 3);
    }
    for (unsigned spi_len = 0; spi_len < 256; spi_len++) {
        s = sample(buf, sizeof buf);
        buf[6] = (uint8_t)spi_len;
        cr_assert_eq(parse_copy(parse, s.p, s.len) == OK, spi_len == 8);
    }
    for (unsigned last = 0; last < 256; last++) {
        s = sample(buf, sizeof buf);
        buf[0] = (uint8_t)last;
        cr_assert_eq(parse_copy(parse, s.p, s.len) == OK, last == 2);
        s = sample(buf, sizeof buf);
        buf[16] = (uint8_t)last;
        cr_assert_eq(parse_copy(parse, s.p, s.len) == OK, last == 3);
    }
}

Test(pl_sa, zero_lengths_do_not_loop)
{
    uint8_t zeros[4096] = { 0 };

    cr_assert_neq(parse_copy(parse, zeros, sizeof zeros), OK);
    for (size_t i = 0; i < sizeof zeros; i += 4)
        zeros[i] = 2;
    cr_assert_neq(parse_copy(parse, zeros, sizeof zeros), OK);
    cr_assert_eq(parse_copy(parse, zeros, 0), E_TRUNCATED);
}

Test(pl_sa, limits)
{
    static uint8_t buf[64 * 1024];
    static struct pl_sa sa;
    struct wr w = wr_of(buf, sizeof buf);

    sa.n = LIMIT_PROPOSALS;
    for (size_t i = 0; i < sa.n; i++) {
        sa.p[i] = (struct proposal){ .num = (uint8_t)(i + 1), .protocol = PROTO_IKE };
        for (size_t j = 0; j < LIMIT_TRANSFORMS; j++)
            transform(&sa.p[i], TRANSFORM_ENCR, ENCR_AES_GCM_16, 256);
    }
    pl_sa_write(&w, &sa);
    cr_assert_eq(wr_ok(&w), OK);
    cr_assert_eq(parse_copy(parse, buf, w.len), OK);
    cr_assert_eq(got.n, (size_t)LIMIT_PROPOSALS);
    cr_assert_eq(got.p[LIMIT_PROPOSALS - 1].n, (size_t)LIMIT_TRANSFORMS);
    /* One transform more, and one proposal more. */
    buf[7] = LIMIT_TRANSFORMS + 1;
    cr_assert_eq(parse_copy(parse, buf, w.len), E_LIMIT);
    buf[7] = LIMIT_TRANSFORMS;
    size_t last = w.len - w.len / LIMIT_PROPOSALS;

    cr_assert_eq(buf[last], 0);
    buf[last] = 2;
    memcpy(buf + w.len, buf + last, w.len / LIMIT_PROPOSALS);
    buf[w.len] = 0;
    cr_assert_eq(parse_copy(parse, buf, w.len + w.len / LIMIT_PROPOSALS), E_LIMIT);
    cr_assert_eq(got.n, 0);
}

/* One ENCR transform with these attributes. */
static struct transform with_attributes(const uint8_t *attrs, size_t len, enum err *ret_e)
{
    uint8_t buf[128];
    struct wr w = wr_of(buf, sizeof buf);

    wr_u8(&w, 0);
    wr_u8(&w, 0);
    wr_u16(&w, (uint16_t)(16 + len));
    wr_u8(&w, 1);
    wr_u8(&w, PROTO_IKE);
    wr_u8(&w, 0);
    wr_u8(&w, 1);
    wr_u8(&w, 0);
    wr_u8(&w, 0);
    wr_u16(&w, (uint16_t)(8 + len));
    wr_u8(&w, TRANSFORM_ENCR);
    wr_u8(&w, 0);
    wr_u16(&w, ENCR_AES_CBC);
    wr_bytes(&w, span_of(attrs, len));
    *ret_e = parse_copy(parse, buf, w.len);
    return got.p[0].t[0];
}

Test(pl_sa, attributes)
{
    static const uint8_t good[] = { 0x80, 14, 0, 128 };
    static const uint8_t twice[] = { 0x80, 14, 0, 128, 0x80, 14, 1, 0 };
    static const uint8_t zero[] = { 0x80, 14, 0, 0 };
    static const uint8_t longform[] = { 0, 14, 0, 2, 0, 128 };
    static const uint8_t unknown[] = { 0x80, 14, 0, 128, 0x80, 99, 1, 1 };
    static const uint8_t beyond[] = { 0, 99, 0, 3, 0, 128 };
    enum err e;
    struct transform t = with_attributes(good, sizeof good, &e);

    cr_assert_eq(e, OK);
    cr_assert_eq(t.key_bits, 128);
    cr_assert_not(t.unusable);
    cr_assert(with_attributes(twice, sizeof twice, &e).unusable);
    cr_assert_eq(e, OK);
    cr_assert(with_attributes(zero, sizeof zero, &e).unusable);
    cr_assert(with_attributes(longform, sizeof longform, &e).unusable);
    cr_assert_eq(e, OK);
    cr_assert(with_attributes(unknown, sizeof unknown, &e).unusable);
    cr_assert_eq(e, OK);
    with_attributes(beyond, sizeof beyond, &e);
    cr_assert_eq(e, E_TRUNCATED);
    with_attributes(good, 3, &e);
    cr_assert_eq(e, E_TRUNCATED);
}

Test(pl_sa, writer_limits)
{
    uint8_t buf[20];
    struct wr w = wr_of(buf, sizeof buf);
    static struct pl_sa sa;

    sa.n = 1;
    sa.p[0] = (struct proposal){ .num = 1, .protocol = PROTO_IKE };
    transform(&sa.p[0], TRANSFORM_ENCR, ENCR_AES_GCM_16, 256);
    transform(&sa.p[0], TRANSFORM_DH, DH_ECP_256, 0);
    pl_sa_write(&w, &sa);
    cr_assert_eq(wr_ok(&w), E_LIMIT);
}
