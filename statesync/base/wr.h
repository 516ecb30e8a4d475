/* wr: the one writer, into a buffer of fixed size.
 *
 * Network byte order. A write that does not fit sets the failed flag and writes nothing; every
 * later write is then ignored. Callers write on and check wr_ok once at the end. */
#pragma once

#include "statesync/base/span.h"

struct wr {
    uint8_t *base;
    size_t len; /* written so far */
    size_t cap;
    bool failed;
};

static inline struct wr wr_of(uint8_t *buf, size_t cap)
{
    return (struct wr){ buf, 0, cap, false };
}

/* OK, or E_LIMIT when something did not fit. */
MUST_USE static inline enum err wr_ok(const struct wr *w)
{
    return w->failed ? E_LIMIT : OK;
}

static inline struct span wr_span(const struct wr *w)
{
    return (struct span){ w->base, w->len };
}

void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, struct span s);
void wr_zero(struct wr *w, size_t len);

/* Reserve len bytes to fill in place (a cipher's output). NULL when they do not fit. The pointer is
 * valid as long as the buffer. */
uint8_t *wr_room(struct wr *w, size_t len);

/* Overwrite two or four octets at an offset already written (length fields). */
void wr_put_u16(struct wr *w, size_t at, uint16_t v);
void wr_put_u32(struct wr *w, size_t at, uint32_t v);
void wr_put_u8(struct wr *w, size_t at, uint8_t v);
