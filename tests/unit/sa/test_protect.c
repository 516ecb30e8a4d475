#include "tests/unit/crypto/vectors.h"

#include "node/crypto/aead.h"
#include "node/sa/protect.h"

static const char *const suites[] = {
    "aes128gcm16-prfsha256-x25519",
    "aes256gcm16-prfsha256-x25519",
    "chacha20poly1305-prfsha256-x448",
    "aes128-sha256-x25519",
    "aes256-sha384-x25519",
    "aes256-sha512-x25519",
};
enum { SUITES = sizeof suites / sizeof suites[0] };

struct side {
    struct ike_suite suite;
    struct secret sk_e, sk_a;
    struct protect_keys keys;
    uint64_t seed;
    struct env env;
    struct protect_iv iv;
};

static void side_init(struct side *s, const char *suite)
{
    const struct encr_info *e;

    *s = (struct side){ .seed = 42 };
    cr_assert_eq(ike_suite_parse(suite, &s->suite), OK);
    e = encr_info(s->suite.encr, s->suite.encr_key_bits);
    s->sk_e.len = e->key_len + e->salt_len;
    test_random(&s->seed, s->sk_e.data, s->sk_e.len);
    if (s->suite.integ != 0) {
        s->sk_a.len = integ_info(s->suite.integ)->key_len;
        test_random(&s->seed, s->sk_a.data, s->sk_a.len);
    }
    s->keys = (struct protect_keys){ &s->suite, &s->sk_e, &s->sk_a };
    s->env = (struct env){ .ctx = &s->seed, .random = test_random };
    s->iv = (struct protect_iv){ 0x0123456789abcdef, &s->env };
}

static struct ike_header header(void)
{
    return ike_header_make(0x1111, 0x2222, EX_IKE_AUTH, true, false, 1);
}

/* Finds SK or SKF of a whole message the way a receiver does. */
static enum err find(struct span message, uint8_t type, struct payload_list *list,
                     const struct payload **ret)
{
    struct rd r = rd_of(message);
    struct ike_header h;
    uint8_t critical = 0;

    TRY(ike_header_parse(&r, &h));
    TRY(payload_chain_clear(h.next_payload, rd_rest(&r), list, &critical));
    *ret = payload_first(list, type);
    return *ret == NULL ? E_NOT_FOUND : OK;
}

static enum err open_message(const struct side *s, struct span message, uint8_t *out, size_t cap,
                             struct span *ret)
{
    static struct payload_list list;
    const struct payload *sk = NULL;

    TRY(find(message, PL_SK, &list, &sk));
    return protect_open(&s->keys, message, sk, out, cap, ret);
}

Test(protect, round_trip_all_suites_all_lengths)
{
    static uint8_t content[200], out[512], plain[512];

    for (size_t n = 0; n < SUITES; n++) {
        struct side s;

        side_init(&s, suites[n]);
        test_random(&s.seed, content, sizeof content);
        for (size_t len = 0; len <= sizeof content; len++) {
            struct ike_header h = header();
            struct payload_list list;
            const struct payload *sk;
            struct span m, got;

            cr_assert_eq(protect_seal(&s.keys, &s.iv, &h, len == 0 ? 0 : PL_IDI,
                                      span_of(content, len), out, sizeof out, &m),
                         OK);
            cr_assert_eq(m.len, protect_message_len(&s.suite, len));
            cr_assert_eq(find(m, PL_SK, &list, &sk), OK);
            cr_assert_eq(list.inner_first, len == 0 ? 0 : PL_IDI);
            if (len >= 16)
                cr_assert_null(memmem(m.p, m.len, content, len), "in clear");
            cr_assert_eq(protect_open(&s.keys, m, sk, plain, sizeof plain, &got), OK);
            cr_assert_span_eq(got, span_of(content, len));
        }
    }
}

/* RFC 5282 5.1 by hand: nothing of the product but the numbers. */
Test(protect, iv_is_the_counter)
{
    static uint8_t out[128];
    struct ike_header h = header();
    static const uint8_t want[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
    struct span m;
    struct side s;

    side_init(&s, suites[0]);
    cr_assert_eq(protect_seal(&s.keys, &s.iv, &h, PL_NOTIFY, span_str("abc"), out, sizeof out, &m),
                 OK);
    cr_assert_span_eq(span_of(m.p + 32, 8), span_of(want, 8));
}

Test(protect, cbc_iv_is_fresh_each_time)
{
    static uint8_t a[128], b[128];
    struct ike_header h = header();
    struct span m;
    struct side s;

    side_init(&s, suites[3]);
    cr_assert_eq(protect_seal(&s.keys, &s.iv, &h, 0, SPAN_NONE, a, sizeof a, &m), OK);
    cr_assert_eq(protect_seal(&s.keys, &s.iv, &h, 0, SPAN_NONE, b, sizeof b, &m), OK);
    cr_assert(memcmp(a + 32, b + 32, 16) != 0);
}

Test(protect, any_octet_changed_is_refused)
{
    static uint8_t out[256], copy[256], plain[256];

    for (size_t n = 0; n < SUITES; n++) {
        struct ike_header h = header();
        struct span m, got = SPAN_NONE;
        struct side s;

        side_init(&s, suites[n]);
        cr_assert_eq(protect_seal(&s.keys, &s.iv, &h, PL_IDI, span_str("some inner payloads"), out,
                                  sizeof out, &m),
                     OK);
        for (size_t i = 0; i < m.len; i++) {
            memcpy(copy, m.p, m.len);
            copy[i] ^= 0x40;
            memset(plain, 0, sizeof plain);
            cr_assert_neq(open_message(&s, span_of(copy, m.len), plain, sizeof plain, &got), OK,
                          "octet %zu, suite %zu", i, n);
            cr_assert_null(memmem(plain, sizeof plain, "inner", 5));
            cr_assert_eq(got.len, 0);
        }
        for (size_t len = 0; len < m.len; len++) {
            memcpy(copy, m.p, len);
            cr_assert_neq(open_message(&s, span_of(copy, len), plain, sizeof plain, &got), OK);
        }
        s.sk_e.data[3] ^= 1;
        if (s.suite.integ == 0)
            cr_assert_eq(open_message(&s, m, plain, sizeof plain, &got), E_INTEGRITY, "other key");
        s.sk_e.data[3] ^= 1;
        s.sk_a.data[3] ^= 1;
        if (s.suite.integ != 0)
            cr_assert_eq(open_message(&s, m, plain, sizeof plain, &got), E_INTEGRITY, "other key");
        s.sk_a.data[3] ^= 1;
        memcpy(copy, m.p, m.len);
        cr_assert_eq(open_message(&s, m, plain, sizeof plain, &got), OK);
        cr_assert(memcmp(copy, out, m.len) == 0, "opening changed the input");
    }
}

/* A pad length that reaches outside, under a right checksum, must not get out. */
Test(protect, authentic_but_impossible_padding)
{
    static uint8_t out[128], plain[128];
    struct ike_header h = header();
    struct span m, got = SPAN_NONE;
    struct payload_list list;
    const struct payload *sk;
    struct sk_shape shape = { 8, 1, 16 };
    struct sk_room room;
    struct side s;
    struct wr w = wr_of(out, sizeof out);

    side_init(&s, suites[0]);
    cr_assert_eq(pl_sk_layout(&w, &h, PL_IDI, span_str("xyz"), &shape, &room), OK);
    room.text[room.text_len - 1] = 200;
    m = room.message;
    cr_assert_eq(
        aead_seal(&(struct aead_keys){ s.suite.encr, s.suite.encr_key_bits, 0, &s.sk_e, NULL },
                  span_of(room.iv, 8), room.aad, room.text, room.text_len, room.icv),
        OK);
    cr_assert_eq(find(m, PL_SK, &list, &sk), OK);
    cr_assert_eq(protect_open(&s.keys, m, sk, plain, sizeof plain, &got), E_BAD_LENGTH);
    cr_assert_eq(got.len, 0);
    cr_assert_null(memmem(plain, sizeof plain, "xyz", 3));
}

Test(protect, too_small_buffers)
{
    static uint8_t out[128], plain[128];
    struct ike_header h = header();
    struct span m, got;
    struct side s;
    size_t need;

    side_init(&s, suites[0]);
    need = protect_message_len(&s.suite, 20);
    for (size_t cap = 0; cap < need; cap++) {
        memset(out, 0, sizeof out);
        cr_assert_eq(protect_seal(&s.keys, &s.iv, &h, PL_IDI, span_str("twenty octets, clear"), out,
                                  cap, &m),
                     E_LIMIT);
        cr_assert_null(memmem(out, sizeof out, "twenty", 6), "plaintext left behind");
    }
    cr_assert_eq(
        protect_seal(&s.keys, &s.iv, &h, PL_IDI, span_str("twenty octets, clear"), out, need, &m),
        OK);
    cr_assert_eq(open_message(&s, m, plain, 5, &got), E_LIMIT);
}

Test(protect, fragments)
{
    static uint8_t content[700], out[512], plain[512];

    for (size_t n = 0; n < SUITES; n++) {
        struct side s;
        uint16_t total;
        size_t part;

        side_init(&s, suites[n]);
        test_random(&s.seed, content, sizeof content);
        part = protect_fragment_content(&s.suite, 256);
        cr_assert(part > 150 && part < 256);
        total = (uint16_t)((sizeof content + part - 1) / part);
        for (uint16_t i = 1; i <= total; i++) {
            size_t at = (size_t)(i - 1) * part;
            size_t len = i == total ? sizeof content - at : part;
            uint16_t number = 0, of = 0;
            struct ike_header h = header();
            struct payload_list list;
            const struct payload *skf;
            struct span m, got;

            s.iv.counter++;
            cr_assert_eq(protect_seal_fragment(&s.keys, &s.iv, &h, i, total, PL_IDI,
                                               span_of(content + at, len), out, sizeof out, &m),
                         OK);
            cr_assert(m.len <= 256, "%zu octets, suite %zu", m.len, n);
            cr_assert(i == total || m.len > 256 - 17, "room left");
            cr_assert_eq(find(m, PL_SKF, &list, &skf), OK);
            cr_assert_eq(list.inner_first, i == 1 ? PL_IDI : 0);
            cr_assert_eq(
                protect_open_fragment(&s.keys, m, skf, plain, sizeof plain, &number, &of, &got),
                OK);
            cr_assert_eq(number, i);
            cr_assert_eq(of, total);
            cr_assert_span_eq(got, span_of(content + at, len));
            /* The numbers are covered by the checksum. */
            out[33] ^= 1;
            cr_assert_neq(
                protect_open_fragment(&s.keys, m, skf, plain, sizeof plain, &number, &of, &got),
                OK);
        }
    }
    cr_assert_eq(protect_fragment_content(&(struct ike_suite){ 20, 128, 0, 5, 31 }, 40), 0);
}
