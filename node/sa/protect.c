/* protect: SK and SKF, framing and cipher together. See protect.h. RFC 7296 3.14, RFC 7383 2.5. */
#include "node/sa/protect.h"

#include "node/crypto/aead.h"
#include "statesync/base/breaks.h"

static enum err shape_of(const struct ike_suite *s, struct sk_shape *ret)
{
    const struct encr_info *e = encr_info(s->encr, s->encr_key_bits);
    size_t icv_len = aead_icv_len(s->encr, s->encr_key_bits, s->integ);

    if (e == NULL || icv_len == 0)
        return E_UNSUPPORTED;
    *ret = (struct sk_shape){ .iv_len = e->iv_len, .block = e->block, .icv_len = icv_len };
    return OK;
}

static struct aead_keys cipher_of(const struct protect_keys *k)
{
    return (struct aead_keys){ .encr = k->suite->encr,
                               .encr_key_bits = k->suite->encr_key_bits,
                               .integ = k->suite->integ,
                               .encr_key = k->sk_e,
                               .integ_key = k->sk_a };
}

/* Encrypts a laid out message in place; wipes it when that fails. */
static enum err room_seal(const struct protect_keys *k, const struct protect_iv *iv,
                          const struct ike_header *h, const struct sk_room *room, uint8_t *out,
                          size_t cap, struct span *ret_message)
{
    const struct encr_info *info = encr_info(k->suite->encr, k->suite->encr_key_bits);
    struct wr w = wr_of(room->iv, info->iv_len);
    struct aead_keys c = cipher_of(k);
    enum err e;

    (void)h;
    if (!info->aead)
        env_random(iv->env, room->iv, info->iv_len);
    else if (BREAK(iv->env, IV_FROM_MESSAGE_ID))
        wr_u64(&w, h->msgid);
    else
        wr_u64(&w, iv->counter);
    e = aead_seal(&c, span_of(room->iv, info->iv_len), room->aad, room->text, room->text_len,
                  room->icv);
    if (e != OK) {
        wipe(out, cap);
        return e;
    }
    *ret_message = room->message;
    return OK;
}

enum err protect_seal(const struct protect_keys *k, const struct protect_iv *iv,
                      const struct ike_header *h, uint8_t first, struct span content, uint8_t *out,
                      size_t cap, struct span *ret_message)
{
    struct wr w = wr_of(out, cap);
    struct sk_shape shape;
    struct sk_room room;
    enum err e;

    TRY(shape_of(k->suite, &shape));
    e = pl_sk_layout(&w, h, first, content, &shape, &room);
    if (e != OK) {
        wipe(out, cap);
        return e;
    }
    return room_seal(k, iv, h, &room, out, cap, ret_message);
}

enum err protect_seal_fragment(const struct protect_keys *k, const struct protect_iv *iv,
                               const struct ike_header *h, uint16_t number, uint16_t total,
                               uint8_t first, struct span content, uint8_t *out, size_t cap,
                               struct span *ret_message)
{
    struct wr w = wr_of(out, cap);
    struct sk_shape shape;
    struct sk_room room;
    enum err e;

    TRY(shape_of(k->suite, &shape));
    e = pl_skf_layout(&w, h, number, total, first, content, &shape, &room);
    if (e != OK) {
        wipe(out, cap);
        return e;
    }
    return room_seal(k, iv, h, &room, out, cap, ret_message);
}

size_t protect_fragment_content(const struct ike_suite *suite, size_t message_max)
{
    struct sk_shape shape;
    size_t overhead, room;

    if (shape_of(suite, &shape) != OK)
        return 0;
    /* With no content there is one block (one octet with AEADs) of padding and Pad Length. */
    overhead = pl_skf_message_len(0, &shape) - shape.block;
    if (message_max <= overhead)
        return 0;
    room = (message_max - overhead) / shape.block * shape.block;
    return room == 0 ? 0 : room - 1;
}

size_t protect_message_len(const struct ike_suite *suite, size_t content_len)
{
    struct sk_shape shape;

    return shape_of(suite, &shape) == OK ? pl_sk_message_len(content_len, &shape) : 0;
}

static enum err sk_open(const struct protect_keys *k, const struct pl_sk *sk, uint8_t *out,
                        size_t cap, struct span *ret_content)
{
    struct aead_keys c = cipher_of(k);
    struct wr w = wr_of(out, cap);
    struct span content;
    enum err e;

    wr_bytes(&w, sk->text);
    TRY(wr_ok(&w));
    TRY(aead_open(&c, sk->iv, sk->aad, out, sk->text.len, sk->icv));
    e = pl_sk_unpad(wr_span(&w), &content);
    if (e != OK) {
        wipe(out, w.len);
        return e;
    }
    *ret_content = content;
    return OK;
}

enum err protect_open(const struct protect_keys *k, struct span message, const struct payload *sk,
                      uint8_t *out, size_t cap, struct span *ret_content)
{
    struct sk_shape shape;
    struct pl_sk parsed;

    TRY(shape_of(k->suite, &shape));
    TRY(pl_sk_parse(message, sk, &shape, &parsed));
    return sk_open(k, &parsed, out, cap, ret_content);
}

enum err protect_open_fragment(const struct protect_keys *k, struct span message,
                               const struct payload *skf, uint8_t *out, size_t cap,
                               uint16_t *ret_number, uint16_t *ret_total, struct span *ret_content)
{
    struct sk_shape shape;
    struct pl_skf parsed;

    TRY(shape_of(k->suite, &shape));
    TRY(pl_skf_parse(message, skf, &shape, &parsed));
    TRY(sk_open(k, &parsed.sk, out, cap, ret_content));
    *ret_number = parsed.number;
    *ret_total = parsed.total;
    return OK;
}
