/* pl_sk: where things stand in an Encrypted payload. See the header. */
#include "node/wire/pl_sk.h"

#include "node/wire/sk_frame.h"

enum { GENERIC_HEADER = 4 };

/* skip: octets between the generic header and the IV (SKF's two numbers). */
enum err sk_frame_parse(struct span message, const struct payload *p, size_t skip,
                        const struct sk_shape *shape, struct pl_sk *ret)
{
    struct rd r = rd_of(message), body;
    size_t iv_at = IKE_HEADER_LEN + p->offset + skip;
    struct pl_sk sk;

    TRY(rd_span(&r, iv_at, &sk.aad));
    body = r;
    TRY(rd_span(&body, shape->iv_len, &sk.iv));
    if (rd_left(&body) < shape->icv_len + 1)
        return E_TRUNCATED;
    TRY(rd_span(&body, rd_left(&body) - shape->icv_len, &sk.text));
    TRY(rd_span(&body, shape->icv_len, &sk.icv));
    TRY(rd_end(&body));
    /* RFC 7296 3.14: payloads, padding and Pad Length together fill whole cipher blocks. */
    if (sk.text.len % shape->block != 0)
        return E_BAD_LENGTH;
    r = rd_of(message);
    TRY(rd_span(&r, message.len - shape->icv_len, &sk.covered));
    *ret = sk;
    return OK;
}

enum err pl_sk_parse(struct span message, const struct payload *sk, const struct sk_shape *shape,
                     struct pl_sk *ret)
{
    return sk_frame_parse(message, sk, 0, shape, ret);
}

enum err pl_sk_unpad(struct span plain, struct span *ret_content)
{
    struct rd r = rd_of(plain);
    struct span content;
    uint8_t pad_len;

    if (plain.len == 0)
        return E_BAD_LENGTH;
    TRY(rd_skip(&r, plain.len - 1));
    TRY(rd_u8(&r, &pad_len));
    if (pad_len > plain.len - 1)
        return E_BAD_LENGTH;
    r = rd_of(plain);
    TRY(rd_span(&r, plain.len - 1 - pad_len, &content));
    /* RFC 7296 3.14: "Padding MAY contain any value chosen by the sender". */
    TRY(rd_skip(&r, pad_len));
    *ret_content = content;
    return OK;
}

static size_t pad_for(size_t content_len, size_t block)
{
    size_t over = (content_len + 1) % block;

    return over == 0 ? 0 : block - over;
}

enum err sk_frame_layout(struct wr *w, const struct ike_header *h, uint8_t type, uint8_t next,
                         struct span numbers, struct span content, const struct sk_shape *shape,
                         struct sk_room *ret)
{
    size_t pad = pad_for(content.len, shape->block);
    size_t text_len = content.len + pad + 1;
    size_t payload_len = GENERIC_HEADER + numbers.len + shape->iv_len + text_len + shape->icv_len;
    struct ike_header head = *h;
    struct sk_room room;
    size_t aad_len;

    if (w->len != 0 || payload_len > UINT16_MAX - IKE_HEADER_LEN)
        return E_LIMIT;
    head.next_payload = type;
    head.length = (uint32_t)(IKE_HEADER_LEN + payload_len);
    ike_header_write(w, &head);
    wr_u8(w, next);
    wr_u8(w, 0);
    wr_u16(w, (uint16_t)payload_len);
    wr_bytes(w, numbers);
    aad_len = w->len;
    room.iv = wr_room(w, shape->iv_len);
    room.text = wr_room(w, text_len);
    room.icv = wr_room(w, shape->icv_len);
    TRY(wr_ok(w));
    struct wr text = wr_of(room.text, text_len);

    wr_bytes(&text, content);
    wr_zero(&text, pad);
    wr_u8(&text, (uint8_t)pad);
    struct wr iv = wr_of(room.iv, shape->iv_len), icv = wr_of(room.icv, shape->icv_len);

    wr_zero(&iv, shape->iv_len);
    wr_zero(&icv, shape->icv_len);
    room.text_len = text_len;
    room.message = wr_span(w);
    room.aad = span_of(w->base, aad_len);
    room.covered = span_of(w->base, w->len - shape->icv_len);
    *ret = room;
    return OK;
}

enum err pl_sk_layout(struct wr *w, const struct ike_header *h, uint8_t first, struct span content,
                      const struct sk_shape *shape, struct sk_room *ret)
{
    return sk_frame_layout(w, h, PL_SK, first, SPAN_NONE, content, shape, ret);
}

size_t pl_sk_message_len(size_t content_len, const struct sk_shape *shape)
{
    return IKE_HEADER_LEN + GENERIC_HEADER + shape->iv_len + content_len + 1 +
           pad_for(content_len, shape->block) + shape->icv_len;
}
