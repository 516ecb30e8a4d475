/* frag: see the header.
 *
 * Memory: at most LIMIT_FRAGMENTS parts and LIMIT_MESSAGE octets, only of fragments that passed
 * their integrity check: RFC 7383 2.6 says to verify before storing. */
#include "node/sa/frag.h"

#include <assert.h>
#include <stdlib.h>

#include "statesync/base/wr.h"

static_assert(LIMIT_FRAGMENTS <= 64, "struct frag keeps a bit per fragment");

enum { UDP_HEADER = 8, IPV4_HEADER = 20, IPV6_HEADER = 40, NON_ESP_MARKER = 4 };

void frag_init(struct frag *f)
{
    *f = (struct frag){ 0 };
}

void frag_done(struct frag *f)
{
    for (size_t i = 0; i < LIMIT_FRAGMENTS; i++)
        bytes_wipe_free(&f->part[i]);
    *f = (struct frag){ 0 };
}

static enum err check(const struct frag_part *p)
{
    if (p->number == 0 || p->number > p->total)
        return E_BAD_VALUE;
    if (p->number != 1 && p->first != 0)
        return E_BAD_VALUE;
    return p->total > LIMIT_FRAGMENTS ? E_LIMIT : OK;
}

static enum err join(struct frag *f, struct bytes *ret_message, uint8_t *ret_first)
{
    struct bytes m = { malloc(f->size > 0 ? f->size : 1), f->size };
    struct wr w = wr_of(m.p, m.len);
    enum err e;

    if (m.p == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < f->total; i++)
        wr_bytes(&w, span_bytes(f->part[i]));
    e = wr_ok(&w);
    if (e != OK) {
        bytes_wipe_free(&m);
        return e;
    }
    *ret_message = m;
    *ret_first = f->first;
    return OK;
}

static void start(struct frag *f, const struct frag_part *p)
{
    frag_done(f);
    f->active = true;
    f->msgid = p->msgid;
    f->exchange = p->exchange;
    f->total = p->total;
}

enum err frag_feed(struct frag *f, const struct frag_part *part, enum frag_result *ret_result,
                   struct bytes *ret_message, uint8_t *ret_first)
{
    uint64_t bit;
    enum err e = check(part);

    if (e != OK)
        return e;
    if (!f->active || f->msgid != part->msgid || f->exchange != part->exchange ||
        part->total > f->total)
        start(f, part);
    /* RFC 7383 2.6: a Total Fragments below that of the fragments held: an older attempt, late. */
    if (part->total < f->total)
        return E_BAD_VALUE;
    bit = (uint64_t)1 << (part->number - 1);
    if (f->seen & bit) {
        *ret_result = FRAG_MORE;
        return OK;
    }
    if (part->content.len > LIMIT_MESSAGE - f->size) {
        frag_done(f);
        return E_LIMIT;
    }
    TRY(bytes_copy(part->content, &f->part[part->number - 1]));
    f->seen |= bit;
    f->size += part->content.len;
    f->have++;
    if (part->number == 1)
        f->first = part->first;
    if (f->have < f->total) {
        *ret_result = FRAG_MORE;
        return OK;
    }
    e = join(f, ret_message, ret_first);
    frag_done(f);
    if (e == OK)
        *ret_result = FRAG_COMPLETE;
    return e;
}

size_t frag_message_max(size_t datagram, uint8_t family, bool natt)
{
    size_t headers = UDP_HEADER + (size_t)(family == 6 ? IPV6_HEADER : IPV4_HEADER) +
                     (natt ? NON_ESP_MARKER : 0);

    return datagram > headers ? datagram - headers : 0;
}

enum err frag_plan(size_t content_len, size_t message_max, size_t overhead, size_t *ret_each,
                   uint16_t *ret_total)
{
    size_t each, total;

    if (message_max <= overhead)
        return E_LIMIT;
    each = message_max - overhead;
    total = content_len == 0 ? 1 : (content_len - 1) / each + 1;
    if (total > LIMIT_FRAGMENTS)
        return E_LIMIT;
    *ret_each = each;
    *ret_total = (uint16_t)total;
    return OK;
}

struct span frag_slice(struct span content, size_t each, uint16_t number)
{
    size_t from = (size_t)(number - 1) * each;
    size_t left;

    assert(number >= 1);
    if (from >= content.len)
        return SPAN_NONE;
    left = content.len - from;
    return (struct span){ content.p + from, left < each ? left : each };
}
