/* replay: see the header.
 *
 * The window is a ring of bits indexed by the number itself, so that moving the top on by one
 * clears one bit and shifts nothing (RFC 6479's idea, without its block granularity). */
#include "node/dataplane/replay.h"

#include <string.h>

static bool seen(const struct replay *w, uint64_t seq)
{
    return (w->map[seq % DP_WINDOW_BITS / 64] >> (seq % 64) & 1) != 0;
}

static void set_seen(struct replay *w, uint64_t seq)
{
    w->map[seq % DP_WINDOW_BITS / 64] |= 1ULL << (seq % 64);
}

void replay_init(struct replay *ret, uint16_t bits, bool esn, const struct dp_window *from)
{
    struct replay w = { .top = from->top, .esn = esn };

    w.bits = bits < 32 ? 32 : bits > DP_WINDOW_BITS ? DP_WINDOW_BITS : bits;
    if (!from->bitmap_valid) {
        memset(w.map, 0xff, sizeof(w.map));
    } else {
        for (unsigned i = 0; i < DP_WINDOW_BITS && i <= from->top; i++)
            if ((from->bitmap[i / 8] >> i % 8 & 1) != 0)
                set_seen(&w, from->top - i);
    }
    *ret = w;
}

/* RFC 4303 Appendix A2.1: the high half that puts the number nearest to the window. */
static enum err infer_esn(const struct replay *w, uint32_t low, uint64_t *ret_seq)
{
    uint32_t top_low = (uint32_t)w->top;
    uint64_t high = w->top >> 32;
    uint32_t bottom = top_low - w->bits + 1; /* modulo 2^32 */

    if (top_low >= (uint32_t)w->bits - 1) {
        if (low < bottom) {
            if (high == UINT32_MAX)
                return E_REPLAY; /* 2^64 numbers: no such packet exists */
            high++;
        }
    } else if (low >= bottom) {
        if (high == 0)
            return E_REPLAY;
        high--;
    }
    *ret_seq = high << 32 | low;
    return OK;
}

enum err replay_check(const struct replay *w, uint32_t low, uint64_t *ret_seq)
{
    uint64_t seq = low;

    if (w->esn)
        TRY(infer_esn(w, low, &seq));
    if (seq == 0)
        return E_REPLAY; /* RFC 4303 2.2: the first number is 1 */
    if (seq <= w->top && (w->top - seq >= w->bits || seen(w, seq)))
        return E_REPLAY;
    *ret_seq = seq;
    return OK;
}

static void advance(struct replay *w, uint64_t seq)
{
    if (seq - w->top >= DP_WINDOW_BITS) {
        memset(w->map, 0, sizeof(w->map));
    } else {
        for (uint64_t n = w->top + 1; n <= seq; n++)
            w->map[n % DP_WINDOW_BITS / 64] &= ~(1ULL << (n % 64));
    }
    w->top = seq;
}

enum err replay_update(struct replay *w, uint64_t seq)
{
    if (seq <= w->top && (w->top - seq >= w->bits || seen(w, seq)))
        return E_REPLAY;
    if (seq > w->top)
        advance(w, seq);
    set_seen(w, seq);
    return OK;
}

void replay_export(const struct replay *w, struct dp_window *ret)
{
    struct dp_window out = { .top = w->top, .bitmap_valid = true };

    for (unsigned i = 0; i < DP_WINDOW_BITS; i++)
        if (i >= w->bits || i > w->top || seen(w, w->top - i))
            out.bitmap[i / 8] |= (uint8_t)(1U << i % 8);
    *ret = out;
}
