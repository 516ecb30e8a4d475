/* The reader: a program of read operations over the rest of the input. Failures move nothing, and
 * what was read in parts is what is there. */
#include "tests/fuzz/fuzz.h"

static void step(struct rd *r, uint8_t op, size_t len)
{
    size_t before = rd_left(r), moved;
    uint8_t u8, copy[64];
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    struct span s;
    struct rd sub;
    enum err e = OK;

    switch (op % 9) {
    case 0:
        len = 1;
        e = rd_u8(r, &u8);
        break;
    case 1:
        len = 2;
        e = rd_u16(r, &u16);
        break;
    case 2:
        len = 4;
        e = rd_u32(r, &u32);
        break;
    case 3:
        len = 8;
        e = rd_u64(r, &u64);
        break;
    case 4:
        e = rd_span(r, len, &s);
        if (e == OK)
            MUST(s.len == len);
        break;
    case 5:
        e = rd_sub(r, len, &sub);
        if (e == OK)
            MUST(rd_left(&sub) == len);
        break;
    case 6:
        len %= sizeof copy;
        e = rd_bytes(r, copy, len);
        break;
    case 7:
        e = rd_skip(r, len);
        break;
    default:
        len = rd_rest(r).len;
        MUST(rd_end(r) == OK);
    }
    moved = before - rd_left(r);
    MUST(e == OK ? moved == len : moved == 0 && len > before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t half = size / 2;
    struct rd ops = rd_of(span_of(data, half)), r = rd_of(span_of(data + half, size - half));
    uint8_t op, len;

    while (rd_u8(&ops, &op) == OK && rd_u8(&ops, &len) == OK)
        step(&r, op, op >= 0xf0 ? SIZE_MAX - len : len);
    return 0;
}
