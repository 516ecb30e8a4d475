/* First octet: cipher shape; then a whole message. */
#include "tests/fuzz/sk_message.h"

#include "node/wire/pl_skf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sk_shape *shape = &fuzz_shapes[fuzz_choice(&data, &size) % 4];
    struct wr w = fuzz_writer();
    struct payload_list l;
    struct ike_header h;
    struct pl_skf f, g;
    struct sk_room room;
    struct span content, m;
    uint8_t *copy, critical;

    if (!fuzz_message(data, size, &copy, &h, &l) || payload_first(&l, PL_SKF) == NULL)
        goto out;
    m = span_of(copy, size);
    if (pl_skf_parse(m, payload_first(&l, PL_SKF), shape, &f) != OK)
        goto out;
    MUST(f.number >= 1 && f.number <= f.total);
    check_sk(&f.sk, m, shape);
    if (pl_sk_unpad(f.sk.text, &content) != OK)
        goto out;
    MUST(pl_skf_layout(&w, &h, f.number, f.total, l.inner_first, content, shape, &room) == OK);
    MUST(room.message.len == pl_skf_message_len(content.len, shape));
    MUST(payload_chain_clear(
             PL_SKF, span_of(room.message.p + IKE_HEADER_LEN, room.message.len - IKE_HEADER_LEN),
             &l, &critical) == OK);
    MUST(pl_skf_parse(room.message, &l.p[0], shape, &g) == OK);
    MUST(g.number == f.number && g.total == f.total);
    MUST(g.number == 1 || l.inner_first == PL_NONE);
out:
    free(copy);
    return 0;
}
