#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Every reader of n octets over a buffer of every length: succeeds exactly when they are there, and
 * a failure moves and writes nothing. */
Test(rd, failure_moves_nothing)
{
    for (size_t len = 0; len <= 9; len++) {
        uint8_t *p = malloc(len > 0 ? len : 1);

        memset(p, 0x5a, len > 0 ? len : 1);
        for (size_t need = 0; need <= 9; need++) {
            struct rd r = rd_of(span_of(p, len)), before = r;
            uint8_t u8 = 1, out[9] = { 0 };
            uint16_t u16 = 1;
            uint32_t u32 = 1;
            uint64_t u64 = 1;
            struct span s = { NULL, 77 };
            struct rd sub = { NULL, NULL };
            bool fits = need <= len;

            cr_assert_eq(rd_span(&r, need, &s), fits ? OK : E_TRUNCATED);
            cr_assert_eq(s.len, fits ? need : 77);
            cr_assert_eq(rd_left(&r), fits ? len - need : len);
            r = before;
            cr_assert_eq(rd_sub(&r, need, &sub), fits ? OK : E_TRUNCATED);
            cr_assert(fits ? rd_left(&sub) == need : sub.cur == NULL);
            r = before;
            cr_assert_eq(rd_skip(&r, need), fits ? OK : E_TRUNCATED);
            r = before;
            cr_assert_eq(rd_bytes(&r, out, need), fits ? OK : E_TRUNCATED);
            cr_assert_eq(out[0], fits && need > 0 ? 0x5a : 0);
            r = before;
            cr_assert_eq(rd_u8(&r, &u8), len >= 1 ? OK : E_TRUNCATED);
            cr_assert_eq(u8, len >= 1 ? 0x5a : 1);
            r = before;
            cr_assert_eq(rd_u16(&r, &u16), len >= 2 ? OK : E_TRUNCATED);
            cr_assert_eq(u16, len >= 2 ? 0x5a5a : 1);
            r = before;
            cr_assert_eq(rd_u32(&r, &u32), len >= 4 ? OK : E_TRUNCATED);
            cr_assert_eq(u32, len >= 4 ? 0x5a5a5a5a : 1);
            cr_assert_eq(rd_left(&r), len >= 4 ? len - 4 : len);
            r = before;
            cr_assert_eq(rd_u64(&r, &u64), len >= 8 ? OK : E_TRUNCATED);
            cr_assert_eq(u64, len >= 8 ? 0x5a5a5a5a5a5a5a5a : 1);
            cr_assert_eq(rd_left(&r), len >= 8 ? len - 8 : len);
        }
        free(p);
    }
}

Test(rd, huge_lengths_do_not_wrap)
{
    uint8_t p[4] = { 1, 2, 3, 4 };
    struct rd r = rd_of(span_of(p, 4));
    struct span s;

    cr_assert_eq(rd_span(&r, SIZE_MAX, &s), E_TRUNCATED);
    cr_assert_eq(rd_span(&r, SIZE_MAX - 3, &s), E_TRUNCATED);
    cr_assert_eq(rd_skip(&r, (size_t)1 << 63), E_TRUNCATED);
    cr_assert_eq(rd_left(&r), 4);
}

Test(rd, rest_and_end)
{
    uint8_t p[3] = { 1, 2, 3 };
    struct rd r = rd_of(span_of(p, 3));
    uint8_t v;

    cr_assert_eq(rd_u8(&r, &v), OK);
    cr_assert_eq(rd_end(&r), E_TRAILING);
    cr_assert_eq(rd_rest(&r).len, 2);
    cr_assert_eq(rd_end(&r), OK);
    cr_assert_eq(rd_rest(&r).len, 0);
    r = rd_of(SPAN_NONE);
    cr_assert_eq(rd_end(&r), OK);
    cr_assert_eq(rd_rest(&r).len, 0);
}

Test(wr, network_order_round_trip)
{
    uint8_t buf[32];
    struct wr w = wr_of(buf, sizeof buf);
    struct rd r;
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;

    wr_u8(&w, 0x01);
    wr_u16(&w, 0x0203);
    wr_u32(&w, 0x04050607);
    wr_u64(&w, 0x08090a0b0c0d0e0f);
    wr_bytes(&w, span_str("xy"));
    wr_zero(&w, 2);
    cr_assert_eq(wr_ok(&w), OK);
    cr_assert_eq(w.len, 19);
    for (uint8_t i = 0; i < 15; i++)
        cr_assert_eq(buf[i], i + 1);
    r = rd_of(wr_span(&w));
    cr_assert_eq(rd_u8(&r, &a), OK);
    cr_assert_eq(rd_u16(&r, &b), OK);
    cr_assert_eq(rd_u32(&r, &c), OK);
    cr_assert_eq(rd_u64(&r, &d), OK);
    cr_assert_eq(a, 0x01);
    cr_assert_eq(b, 0x0203);
    cr_assert_eq(c, 0x04050607);
    cr_assert_eq(d, 0x08090a0b0c0d0e0f);
    cr_assert(span_eq(rd_rest(&r), span_of("xy\0\0", 4)));
}

/* What does not fit writes nothing, and everything after it is ignored. */
Test(wr, failure_is_kept)
{
    for (size_t cap = 0; cap < 8; cap++) {
        uint8_t *p = malloc(cap > 0 ? cap : 1);
        struct wr w = wr_of(p, cap);

        wr_u64(&w, 1);
        cr_assert_eq(wr_ok(&w), E_LIMIT);
        cr_assert_eq(w.len, 0);
        wr_u8(&w, 1);
        cr_assert_eq(w.len, 0);
        cr_assert_null(wr_room(&w, 0));
        free(p);
    }
}

Test(wr, room_and_huge_lengths)
{
    uint8_t buf[8];
    struct wr w = wr_of(buf, sizeof buf);

    cr_assert_eq(wr_room(&w, 8), buf);
    cr_assert_eq(wr_ok(&w), OK);
    cr_assert_null(wr_room(&w, 1));
    w = wr_of(buf, sizeof buf);
    wr_u8(&w, 0);
    cr_assert_null(wr_room(&w, SIZE_MAX));
    cr_assert_eq(wr_ok(&w), E_LIMIT);
}

Test(wr, patches)
{
    uint8_t buf[8];
    struct wr w = wr_of(buf, sizeof buf);

    wr_zero(&w, 6);
    wr_put_u8(&w, 0, 0xaa);
    wr_put_u16(&w, 4, 0xbbcc);
    cr_assert_eq(wr_ok(&w), OK);
    cr_assert_eq(buf[5], 0xcc);
    wr_put_u32(&w, 2, 0x01020304);
    cr_assert_eq(buf[5], 4);
    cr_assert_eq(wr_ok(&w), OK);
    wr_put_u16(&w, 5, 1); /* one octet beyond what is written */
    cr_assert_eq(wr_ok(&w), E_LIMIT);
}
