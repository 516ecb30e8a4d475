/* The input is a list of fragments: message ID, number, total, first payload, length (two octets),
 * content. */
#include "tests/fuzz/fuzz.h"

#include "node/sa/frag.h"

static enum err next(struct rd *r, struct frag_part *ret)
{
    uint8_t msgid, number, total;
    uint16_t len;

    TRY(rd_u8(r, &msgid));
    TRY(rd_u8(r, &number));
    TRY(rd_u8(r, &total));
    TRY(rd_u8(r, &ret->first));
    TRY(rd_u16(r, &len));
    ret->msgid = msgid % 4;
    ret->exchange = msgid & 0x80 ? 35 : 36;
    ret->number = number;
    ret->total = total;
    return rd_span(r, len, &ret->content);
}

/* Cutting and joining give the same. */
static void plan(struct frag *f, struct span content, size_t max)
{
    enum frag_result result = FRAG_MORE;
    struct bytes message = { NULL, 0 };
    uint16_t total;
    size_t each;
    uint8_t first = 0;

    if (frag_plan(content.len, frag_message_max(max, 4, true), 70, &each, &total) != OK)
        return;
    MUST(total >= 1 && total <= LIMIT_FRAGMENTS);
    frag_done(f);
    for (uint16_t i = total; i >= 1; i--) {
        struct frag_part p = { .number = i, .total = total };

        p.content = frag_slice(content, each, i);
        p.first = i == 1 ? 35 : 0;
        MUST(p.content.len <= each);
        MUST(frag_feed(f, &p, &result, &message, &first) == OK);
        MUST((result == FRAG_COMPLETE) == (i == 1));
    }
    MUST(first == 35 && span_eq(span_bytes(message), content));
    bytes_wipe_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_of(span_of(data, size));
    enum frag_result result;
    struct frag_part p;
    struct bytes message;
    struct frag f;
    uint8_t first;

    frag_init(&f);
    while (next(&r, &p) == OK) {
        result = FRAG_MORE;
        message = (struct bytes){ NULL, 0 };
        if (frag_feed(&f, &p, &result, &message, &first) != OK)
            MUST(message.p == NULL);
        else if (result == FRAG_COMPLETE)
            MUST(!f.active && message.len <= LIMIT_MESSAGE);
        else
            MUST(f.active && f.have < f.total && f.have <= LIMIT_FRAGMENTS);
        MUST(f.size <= LIMIT_MESSAGE);
        bytes_wipe_free(&message);
    }
    if (size > 0 && size < LIMIT_MESSAGE)
        plan(&f, span_of(data, size), 100 + data[0]);
    frag_done(&f);
    return 0;
}
