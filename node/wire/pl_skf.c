#include "node/wire/pl_skf.h"

#include "node/wire/sk_frame.h"

enum { NUMBERS_LEN = 4 };

/* RFC 7383 2.5: fragment number and total number of fragments, then as SK. */
enum err pl_skf_parse(struct span message, const struct payload *skf, const struct sk_shape *shape,
                      struct pl_skf *ret)
{
    struct rd r = rd_of(skf->body);
    struct pl_skf f;

    TRY(rd_u16(&r, &f.number));
    TRY(rd_u16(&r, &f.total));
    /* RFC 7383 2.6: numbers run from 1 to Total Fragments; anything else is dropped. */
    if (f.number == 0 || f.number > f.total)
        return E_BAD_VALUE;
    TRY(sk_frame_parse(message, skf, NUMBERS_LEN, shape, &f.sk));
    *ret = f;
    return OK;
}

enum err pl_skf_layout(struct wr *w, const struct ike_header *h, uint16_t number, uint16_t total,
                       uint8_t first, struct span content, const struct sk_shape *shape,
                       struct sk_room *ret)
{
    uint8_t buf[NUMBERS_LEN];
    struct wr numbers = wr_of(buf, sizeof buf);

    wr_u16(&numbers, number);
    wr_u16(&numbers, total);
    /* RFC 7383 2.5: Next Payload is zero in all but the first fragment. */
    return sk_frame_layout(w, h, PL_SKF, number == 1 ? first : PL_NONE, wr_span(&numbers), content,
                           shape, ret);
}

size_t pl_skf_message_len(size_t content_len, const struct sk_shape *shape)
{
    return pl_sk_message_len(content_len, shape) + NUMBERS_LEN;
}
