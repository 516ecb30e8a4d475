/* First octet: cipher shape; then a whole message. The ciphertext is taken for plaintext. */
#include "tests/fuzz/sk_message.h"

static void again(const struct ike_header *h, uint8_t first, struct span content,
                  const struct sk_shape *shape, size_t room_for)
{
    uint8_t *buf = malloc(room_for > 0 ? room_for : 1);
    struct wr w = wr_of(buf, room_for);
    struct payload_list l;
    struct sk_room room;
    struct pl_sk sk;
    struct span back;
    uint8_t critical;

    if (pl_sk_layout(&w, h, first, content, shape, &room) == OK) {
        MUST(room.message.len == pl_sk_message_len(content.len, shape));
        MUST(payload_chain_clear(
                 PL_SK, span_of(room.message.p + IKE_HEADER_LEN, room.message.len - IKE_HEADER_LEN),
                 &l, &critical) == OK);
        MUST(l.inner_first == first);
        MUST(pl_sk_parse(room.message, &l.p[0], shape, &sk) == OK);
        check_sk(&sk, room.message, shape);
        MUST(pl_sk_unpad(sk.text, &back) == OK);
        MUST(span_eq(back, content));
    } else {
        MUST(room_for < pl_sk_message_len(content.len, shape) || content.len > 65000);
    }
    free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice = fuzz_choice(&data, &size);
    const struct sk_shape *shape = &fuzz_shapes[choice % 4];
    struct payload_list l;
    struct ike_header h;
    struct pl_sk sk;
    struct span content, m;
    uint8_t *copy;

    if (!fuzz_message(data, size, &copy, &h, &l) || payload_first(&l, PL_SK) == NULL)
        goto out;
    m = span_of(copy, size);
    if (pl_sk_parse(m, payload_first(&l, PL_SK), shape, &sk) != OK)
        goto out;
    check_sk(&sk, m, shape);
    if (pl_sk_unpad(sk.text, &content) != OK)
        goto out;
    MUST(content.len < sk.text.len);
    again(&h, l.inner_first, content, shape, size + 64);
    again(&h, l.inner_first, content, shape, choice);
out:
    free(copy);
    return 0;
}
