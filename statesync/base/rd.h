/* rd: the one bounded reader. Every byte from outside (peer, netlink, store, control) goes through
 * it.
 *
 * Network byte order. A failed read changes neither the cursor nor the output. Lengths are
 * compared, pointers never added to before the check. */
#pragma once

#include "statesync/base/span.h"

struct rd {
    const uint8_t *cur;
    const uint8_t *end;
};

static inline struct rd rd_of(struct span s)
{
    return (struct rd){ s.p, s.len == 0 ? s.p : s.p + s.len };
}

static inline size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->cur);
}

MUST_USE static inline enum err rd_span(struct rd *r, size_t len, struct span *ret_s)
{
    if (len > rd_left(r))
        return E_TRUNCATED;
    *ret_s = (struct span){ r->cur, len };
    if (len > 0)
        r->cur += len;
    return OK;
}

/* A reader over the next len bytes: an inner length can then never reach outside its structure. */
MUST_USE static inline enum err rd_sub(struct rd *r, size_t len, struct rd *ret_sub)
{
    struct span s;

    TRY(rd_span(r, len, &s));
    *ret_sub = rd_of(s);
    return OK;
}

MUST_USE static inline enum err rd_skip(struct rd *r, size_t len)
{
    struct span s;

    return rd_span(r, len, &s);
}

/* All that is left; may be empty. */
static inline struct span rd_rest(struct rd *r)
{
    struct span s = { r->cur, rd_left(r) };

    r->cur = r->end;
    return s;
}

MUST_USE static inline enum err rd_u8(struct rd *r, uint8_t *ret_v)
{
    if (rd_left(r) < 1)
        return E_TRUNCATED;
    *ret_v = r->cur[0];
    r->cur += 1;
    return OK;
}

MUST_USE static inline enum err rd_u16(struct rd *r, uint16_t *ret_v)
{
    if (rd_left(r) < 2)
        return E_TRUNCATED;
    *ret_v = (uint16_t)((unsigned)r->cur[0] << 8 | r->cur[1]);
    r->cur += 2;
    return OK;
}

MUST_USE static inline enum err rd_u32(struct rd *r, uint32_t *ret_v)
{
    if (rd_left(r) < 4)
        return E_TRUNCATED;
    *ret_v = (uint32_t)r->cur[0] << 24 | (uint32_t)r->cur[1] << 16 | (uint32_t)r->cur[2] << 8 |
             r->cur[3];
    r->cur += 4;
    return OK;
}

MUST_USE static inline enum err rd_u64(struct rd *r, uint64_t *ret_v)
{
    uint32_t hi, lo;
    struct rd t = *r;

    TRY(rd_u32(&t, &hi));
    TRY(rd_u32(&t, &lo));
    *ret_v = (uint64_t)hi << 32 | lo;
    *r = t;
    return OK;
}

/* Exactly len bytes into out. */
MUST_USE enum err rd_bytes(struct rd *r, uint8_t *out, size_t len);

/* Nothing may be left: the last line of every parser. */
MUST_USE static inline enum err rd_end(const struct rd *r)
{
    return rd_left(r) == 0 ? OK : E_TRAILING;
}
