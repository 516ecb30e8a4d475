/* pl_sa: reads and writes SA payloads. See the header.
 *
 * Three nested lengths (payload, proposal, transform), each with its own reader, so an inner length
 * never reaches outside; "last" octets and the transform count must agree with the lengths. */
#include "node/wire/pl_sa.h"

enum {
    LAST = 0,
    MORE_PROPOSALS = 2,
    MORE_TRANSFORMS = 3,
    PROPOSAL_HEADER = 8,
    TRANSFORM_HEADER = 8,
    ATTR_FORMAT_TV = 0x8000,
};

/* RFC 7296 3.3.5: format bit and type, then a value of two octets or a length and a value. */
static enum err attribute(struct rd *r, struct transform *t)
{
    uint16_t type, value;

    TRY(rd_u16(r, &type));
    TRY(rd_u16(r, &value));
    if ((type & ATTR_FORMAT_TV) == 0)
        TRY(rd_skip(r, value));
    /* RFC 7296 3.3.6: a transform with an attribute that we do not understand must not be chosen. A
     * Key Length that is repeated, zero or in the long form counts as such. */
    if (type == (ATTR_FORMAT_TV | ATTR_KEY_LENGTH) && t->key_bits == 0 && value != 0)
        t->key_bits = value;
    else
        t->unusable = true;
    return OK;
}

/* RFC 7296 3.3.2 */
static enum err one_transform(struct rd *r, struct transform *ret, bool *ret_last)
{
    struct transform t = { 0 };
    struct rd in = *r;
    uint8_t last, reserved;
    uint16_t len;

    TRY(rd_u8(&in, &last));
    TRY(rd_u8(&in, &reserved));
    TRY(rd_u16(&in, &len));
    if (len < TRANSFORM_HEADER)
        return E_BAD_LENGTH;
    TRY(rd_sub(r, len, &in));
    TRY(rd_skip(&in, 4));
    TRY(rd_u8(&in, &t.type));
    TRY(rd_u8(&in, &reserved));
    TRY(rd_u16(&in, &t.id));
    while (rd_left(&in) > 0)
        TRY(attribute(&in, &t));
    if (last != LAST && last != MORE_TRANSFORMS)
        return E_BAD_VALUE;
    *ret_last = last == LAST;
    *ret = t;
    return OK;
}

/* RFC 7296 3.3.1 */
static enum err one_proposal(struct rd *r, struct proposal *ret, bool *ret_last)
{
    struct rd in = *r;
    uint8_t last, reserved, spi_len, count;
    uint16_t len;
    bool end = false;

    TRY(rd_u8(&in, &last));
    TRY(rd_u8(&in, &reserved));
    TRY(rd_u16(&in, &len));
    if (len < PROPOSAL_HEADER)
        return E_BAD_LENGTH;
    TRY(rd_sub(r, len, &in));
    TRY(rd_skip(&in, 4));
    TRY(rd_u8(&in, &ret->num));
    TRY(rd_u8(&in, &ret->protocol));
    TRY(rd_u8(&in, &spi_len));
    TRY(rd_u8(&in, &count));
    TRY(rd_span(&in, spi_len, &ret->spi));
    if (count > LIMIT_TRANSFORMS)
        return E_LIMIT;
    if (count == 0)
        return E_BAD_VALUE;
    for (ret->n = 0; ret->n < count; ret->n++) {
        if (end)
            return E_BAD_VALUE;
        TRY(one_transform(&in, &ret->t[ret->n], &end));
    }
    TRY(rd_end(&in));
    if (!end || (last != LAST && last != MORE_PROPOSALS))
        return E_BAD_VALUE;
    *ret_last = last == LAST;
    return OK;
}

enum err pl_sa_parse(struct rd body, struct pl_sa *ret)
{
    bool last = false;
    enum err e = OK;
    size_t n = 0;

    ret->n = 0;
    while (e == OK && !last) {
        if (n == LIMIT_PROPOSALS)
            return E_LIMIT;
        e = one_proposal(&body, &ret->p[n++], &last);
    }
    TRY(e);
    TRY(rd_end(&body));
    ret->n = n;
    return OK;
}

static void write_transform(struct wr *w, const struct transform *t, bool last)
{
    wr_u8(w, last ? LAST : MORE_TRANSFORMS);
    wr_u8(w, 0);
    wr_u16(w, (uint16_t)(TRANSFORM_HEADER + (t->key_bits != 0 ? 4 : 0)));
    wr_u8(w, t->type);
    wr_u8(w, 0);
    wr_u16(w, t->id);
    if (t->key_bits != 0) {
        wr_u16(w, ATTR_FORMAT_TV | ATTR_KEY_LENGTH);
        wr_u16(w, t->key_bits);
    }
}

void pl_sa_write(struct wr *w, const struct pl_sa *sa)
{
    for (size_t i = 0; i < sa->n; i++) {
        const struct proposal *p = &sa->p[i];
        size_t at = w->len;

        wr_u8(w, i + 1 == sa->n ? LAST : MORE_PROPOSALS);
        wr_u8(w, 0);
        wr_u16(w, 0);
        wr_u8(w, p->num);
        wr_u8(w, p->protocol);
        wr_u8(w, (uint8_t)p->spi.len);
        wr_u8(w, (uint8_t)p->n);
        wr_bytes(w, p->spi);
        for (size_t j = 0; j < p->n; j++)
            write_transform(w, &p->t[j], j + 1 == p->n);
        wr_put_u16(w, at + 2, (uint16_t)(w->len - at));
    }
}
