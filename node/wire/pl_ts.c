#include "node/wire/pl_ts.h"

enum { TS_HEADER = 4, TS_LEN_IPV4 = 16, TS_LEN_IPV6 = 40 };

static enum err address(struct rd *r, size_t len, struct ip_addr *ret)
{
    struct span s;

    TRY(rd_span(r, len, &s));
    return ip_from_span(s, ret);
}

/* RFC 7296 3.13.1: the part behind type, protocol and length. */
static enum err range(struct rd in, size_t addr_len, struct ts *ts)
{
    TRY(rd_u16(&in, &ts->port_first));
    TRY(rd_u16(&in, &ts->port_last));
    TRY(address(&in, addr_len, &ts->first));
    TRY(address(&in, addr_len, &ts->last));
    TRY(rd_end(&in));
    if (ip_cmp(&ts->first, &ts->last) > 0)
        return E_BAD_VALUE;
    if (ts->port_first > ts->port_last && !ts_opaque(ts))
        return E_BAD_VALUE;
    return OK;
}

static enum err one(struct rd *r, struct pl_ts *l)
{
    struct ts ts;
    struct rd in;
    uint8_t type;
    uint16_t len;

    TRY(rd_u8(r, &type));
    TRY(rd_u8(r, &ts.protocol));
    TRY(rd_u16(r, &len));
    if (len < TS_HEADER)
        return E_BAD_LENGTH;
    TRY(rd_sub(r, len - TS_HEADER, &in));
    if (type == TS_IPV4_ADDR_RANGE) {
        if (len != TS_LEN_IPV4)
            return E_BAD_LENGTH;
        TRY(range(in, 4, &ts));
    } else if (type == TS_IPV6_ADDR_RANGE) {
        if (len != TS_LEN_IPV6)
            return E_BAD_LENGTH;
        TRY(range(in, 16, &ts));
    } else {
        l->skipped = true;
        return OK;
    }
    l->ts[l->n++] = ts;
    return OK;
}

/* RFC 7296 3.13: number of selectors, three reserved octets, selectors. */
enum err pl_ts_parse(struct rd body, struct pl_ts *ret)
{
    struct pl_ts l;
    uint8_t count;

    l.n = 0;
    l.skipped = false;
    TRY(rd_u8(&body, &count));
    TRY(rd_skip(&body, 3));
    if (count == 0)
        return E_BAD_VALUE;
    if (count > LIMIT_SELECTORS_WIRE)
        return E_LIMIT;
    for (size_t i = 0; i < count; i++)
        TRY(one(&body, &l));
    TRY(rd_end(&body));
    *ret = l;
    return OK;
}

void pl_ts_write(struct wr *w, const struct ts *ts, size_t n)
{
    if (n > UINT8_MAX) {
        w->failed = true;
        return;
    }
    wr_u8(w, (uint8_t)n);
    wr_zero(w, 3);
    for (size_t i = 0; i < n; i++) {
        bool v4 = ts[i].first.family == 4;

        wr_u8(w, v4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
        wr_u8(w, ts[i].protocol);
        wr_u16(w, v4 ? TS_LEN_IPV4 : TS_LEN_IPV6);
        wr_u16(w, ts[i].port_first);
        wr_u16(w, ts[i].port_last);
        wr_bytes(w, ip_span(&ts[i].first));
        wr_bytes(w, ip_span(&ts[i].last));
    }
}

bool ts_eq(const struct ts *a, const struct ts *b)
{
    return a->protocol == b->protocol && a->port_first == b->port_first &&
           a->port_last == b->port_last && ip_eq(&a->first, &b->first) && ip_eq(&a->last, &b->last);
}
