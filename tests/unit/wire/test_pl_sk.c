#include "node/wire/pl_skf.h"

#include "tests/unit/wire/parse_check.h"

static const struct sk_shape gcm = { .iv_len = 8, .block = 1, .icv_len = 16 };
static const struct sk_shape cbc = { .iv_len = 16, .block = 16, .icv_len = 16 };

static uint8_t buf[512];
static struct sk_room room;
static struct ike_header header;

static void setup(void)
{
    header = ike_header_make(1, 2, EX_IKE_AUTH, true, false, 1);
}

TestSuite(pl_sk, .init = setup);

/* The list of a message as it arrives. */
static enum err list(struct span message, struct payload_list *ret)
{
    struct rd r = rd_of(message);
    struct ike_header h;
    uint8_t critical;

    TRY(ike_header_parse(&r, &h));
    return payload_chain_clear(h.next_payload, rd_rest(&r), ret, &critical);
}

static void round_trip(const struct sk_shape *shape, size_t content_len)
{
    uint8_t content[64];
    struct wr w = wr_of(buf, sizeof buf);
    struct payload_list l;
    struct pl_sk sk;
    struct span got;

    memset(content, 0xab, sizeof content);
    cr_assert_eq(pl_sk_layout(&w, &header, PL_IDI, span_of(content, content_len), shape, &room),
                 OK);
    cr_assert_eq(room.message.len, pl_sk_message_len(content_len, shape));
    cr_assert_eq(room.text_len % shape->block, 0);
    cr_assert_lt(room.text_len - content_len - 1, shape->block, "the least padding");
    memset(room.iv, 0x11, shape->iv_len);
    memset(room.icv, 0x22, shape->icv_len);
    cr_assert_eq(list(room.message, &l), OK);
    cr_assert_eq(l.inner_first, PL_IDI);
    cr_assert_eq(pl_sk_parse(room.message, payload_first(&l, PL_SK), shape, &sk), OK);
    cr_assert(span_eq(sk.aad, room.aad));
    cr_assert_eq(sk.aad.len, (size_t)IKE_HEADER_LEN + 4);
    cr_assert(span_eq(sk.covered, room.covered));
    cr_assert_eq(sk.covered.len + shape->icv_len, room.message.len);
    cr_assert_eq(sk.iv.len, shape->iv_len);
    cr_assert_eq(sk.iv.p[0], 0x11);
    cr_assert_eq(sk.icv.len, shape->icv_len);
    cr_assert_eq(sk.icv.p[0], 0x22);
    cr_assert_eq(pl_sk_unpad(sk.text, &got), OK);
    cr_assert(span_eq(got, span_of(content, content_len)));
}

Test(pl_sk, round_trips)
{
    for (size_t n = 0; n <= 40; n++) {
        round_trip(&gcm, n);
        round_trip(&cbc, n);
    }
}

Test(pl_sk, not_at_the_front)
{
    /* A cleartext notify before SK: the associated data reaches over it. */
    uint8_t wire[] = { PL_SK, 0, 0, 8, 0, 0, 0x40, 6, 0, 0, 0, 30, 1, 1, 1, 1,
                       1,     1, 1, 1, 9, 0, /* IV, text */
                       2,     2, 2, 2, 2, 2, 2,    2, 2, 2, 2, 2,  2, 2, 2, 2 };
    struct wr w = wr_of(buf, sizeof buf);
    struct payload_list l;
    struct pl_sk sk;

    header.next_payload = PL_NOTIFY;
    header.length = IKE_HEADER_LEN + sizeof wire;
    ike_header_write(&w, &header);
    wr_bytes(&w, span_of(wire, sizeof wire));
    cr_assert_eq(list(wr_span(&w), &l), OK);
    cr_assert_eq(pl_sk_parse(wr_span(&w), payload_first(&l, PL_SK), &gcm, &sk), OK);
    cr_assert_eq(sk.aad.len, (size_t)IKE_HEADER_LEN + 12);
    cr_assert_eq(sk.text.len, 2);
}

/* Every size of the SK body, with a message that agrees with it. */
Test(pl_sk, too_short)
{
    for (size_t body = 0; body < 64; body++) {
        struct wr w = wr_of(buf, sizeof buf);
        struct payload_list l;
        struct pl_sk sk;
        uint8_t *copy;

        header.next_payload = PL_SK;
        header.length = (uint32_t)(IKE_HEADER_LEN + 4 + body);
        ike_header_write(&w, &header);
        wr_u16(&w, 0);
        wr_u16(&w, (uint16_t)(4 + body));
        wr_zero(&w, body);
        copy = malloc(w.len);
        memcpy(copy, buf, w.len);
        cr_assert_eq(list(span_of(copy, w.len), &l), OK);
        cr_assert_eq(pl_sk_parse(span_of(copy, w.len), &l.p[0], &gcm, &sk) == OK, body >= 25);
        cr_assert_eq(pl_sk_parse(span_of(copy, w.len), &l.p[0], &cbc, &sk) == OK,
                     body == 48 || body == 64);
        struct pl_skf skf;

        cr_assert_neq(pl_skf_parse(span_of(copy, w.len), &l.p[0], &gcm, &skf), OK, "number 0");
        free(copy);
    }
}

Test(pl_sk, unpad)
{
    uint8_t text[4] = { 'a', 'b', 7, 0 };
    struct span got;

    cr_assert_eq(pl_sk_unpad(SPAN_NONE, &got), E_BAD_LENGTH);
    cr_assert_eq(pl_sk_unpad(span_of(text, 4), &got), OK);
    cr_assert_eq(got.len, 3);
    text[3] = 1;
    cr_assert_eq(pl_sk_unpad(span_of(text, 4), &got), OK);
    cr_assert_eq(got.len, 2, "padding may hold anything");
    text[3] = 3;
    cr_assert_eq(pl_sk_unpad(span_of(text, 4), &got), OK);
    cr_assert_eq(got.len, 0);
    text[3] = 4;
    cr_assert_eq(pl_sk_unpad(span_of(text, 4), &got), E_BAD_LENGTH);
}

Test(pl_sk, fragments)
{
    struct payload_list l;
    struct pl_skf skf;
    struct span got;

    for (uint16_t n = 1; n <= 3; n++) {
        struct wr w = wr_of(buf, sizeof buf);

        cr_assert_eq(pl_skf_layout(&w, &header, n, 3, PL_IDI, span_str("part of it"), &cbc, &room),
                     OK);
        cr_assert_eq(room.message.len, pl_skf_message_len(10, &cbc));
        cr_assert_eq(room.aad.len, (size_t)IKE_HEADER_LEN + 8, "over the two numbers");
        cr_assert_eq(list(room.message, &l), OK);
        cr_assert_eq(l.inner_first, n == 1 ? PL_IDI : PL_NONE);
        cr_assert_eq(pl_skf_parse(room.message, payload_first(&l, PL_SKF), &cbc, &skf), OK);
        cr_assert_eq(skf.number, n);
        cr_assert_eq(skf.total, 3);
        cr_assert(span_eq(skf.sk.aad, room.aad));
        cr_assert_eq(pl_sk_unpad(skf.sk.text, &got), OK);
        cr_assert(span_eq(got, span_str("part of it")));
    }
    struct wr w = { buf, room.message.len, sizeof buf, false };

    for (unsigned n = 0; n < 8; n++) {
        wr_put_u16(&w, IKE_HEADER_LEN + 4, (uint16_t)n);
        cr_assert_eq(pl_skf_parse(room.message, &l.p[0], &cbc, &skf) == OK, n >= 1 && n <= 3);
    }
    wr_put_u16(&w, IKE_HEADER_LEN + 6, 0);
    cr_assert_eq(pl_skf_parse(room.message, &l.p[0], &cbc, &skf), E_BAD_VALUE);
}

Test(pl_sk, does_not_fit)
{
    static uint8_t big[70000];

    for (size_t cap = 0; cap < pl_sk_message_len(5, &gcm); cap++) {
        uint8_t *exact = malloc(cap > 0 ? cap : 1);
        struct wr w = wr_of(exact, cap);

        cr_assert_eq(pl_sk_layout(&w, &header, PL_IDI, span_str("12345"), &gcm, &room), E_LIMIT);
        free(exact);
    }
    struct wr w = wr_of(big, sizeof big);

    cr_assert_eq(pl_sk_layout(&w, &header, PL_IDI, span_of(big, 65600), &gcm, &room), E_LIMIT);
    wr_u8(&w, 1);
    cr_assert_eq(pl_sk_layout(&w, &header, PL_IDI, SPAN_NONE, &gcm, &room), E_LIMIT,
                 "the writer is not empty");
}
