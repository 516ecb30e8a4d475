#include "statesync/base/wr.h"

#include <string.h>

uint8_t *wr_room(struct wr *w, size_t len)
{
    uint8_t *p;

    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return NULL;
    }
    p = w->base + w->len;
    w->len += len;
    return p;
}

void wr_u8(struct wr *w, uint8_t v)
{
    uint8_t *p = wr_room(w, 1);

    if (p != NULL)
        p[0] = v;
}

void wr_u16(struct wr *w, uint16_t v)
{
    uint8_t *p = wr_room(w, 2);

    if (p != NULL) {
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
    }
}

void wr_u32(struct wr *w, uint32_t v)
{
    uint8_t *p = wr_room(w, 4);

    if (p != NULL) {
        p[0] = (uint8_t)(v >> 24);
        p[1] = (uint8_t)(v >> 16);
        p[2] = (uint8_t)(v >> 8);
        p[3] = (uint8_t)v;
    }
}

void wr_u64(struct wr *w, uint64_t v)
{
    uint8_t *p = wr_room(w, 8);

    if (p != NULL)
        for (int i = 0; i < 8; i++)
            p[i] = (uint8_t)(v >> (56 - 8 * i));
}

void wr_bytes(struct wr *w, struct span s)
{
    uint8_t *p = wr_room(w, s.len);

    if (p != NULL && s.len > 0)
        memcpy(p, s.p, s.len);
}

void wr_zero(struct wr *w, size_t len)
{
    uint8_t *p = wr_room(w, len);

    if (p != NULL && len > 0)
        memset(p, 0, len);
}

void wr_put_u8(struct wr *w, size_t at, uint8_t v)
{
    if (w->failed || at >= w->len) {
        w->failed = true;
        return;
    }
    w->base[at] = v;
}

void wr_put_u16(struct wr *w, size_t at, uint16_t v)
{
    wr_put_u8(w, at, (uint8_t)(v >> 8));
    wr_put_u8(w, at + 1, (uint8_t)v);
}

void wr_put_u32(struct wr *w, size_t at, uint32_t v)
{
    wr_put_u16(w, at, (uint16_t)(v >> 16));
    wr_put_u16(w, at + 2, (uint16_t)v);
}
