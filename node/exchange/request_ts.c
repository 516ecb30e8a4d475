#include "node/exchange/request_ts.h"

enum { SELECTOR_MAX = 8 + 2 * 16, BODY_MAX = 4 + LIMIT_SELECTORS * SELECTOR_MAX };

static enum err put(struct wr *w, const struct ts *ts, size_t n)
{
    size_t at = w->len;

    if (n > LIMIT_SELECTORS)
        return E_LIMIT;
    wr_u16(w, 0);
    pl_ts_write(w, ts, n);
    TRY(wr_ok(w));
    wr_put_u16(w, at, (uint16_t)(w->len - at - 2));
    return OK;
}

enum err request_ts_keep(struct rec_request *rq, const struct ts *local, size_t n_local,
                         const struct ts *remote, size_t n_remote)
{
    uint8_t buf[2 * (2 + BODY_MAX)];
    struct wr w = wr_of(buf, sizeof buf);
    struct bytes copy;

    TRY(put(&w, local, n_local));
    TRY(put(&w, remote, n_remote));
    TRY(bytes_copy(wr_span(&w), &copy));
    bytes_free(&rq->ts);
    rq->ts = copy;
    return OK;
}

static enum err get(struct rd *r, struct pl_ts *ret)
{
    struct rd body;
    uint16_t len;

    TRY(rd_u16(r, &len));
    TRY(rd_sub(r, len, &body));
    TRY(pl_ts_parse(body, ret));
    return ret->n > LIMIT_SELECTORS ? E_LIMIT : OK;
}

static size_t copy_out(const struct pl_ts *from, struct ts *ret)
{
    for (size_t i = 0; i < from->n; i++)
        ret[i] = from->ts[i];
    return from->n;
}

enum err request_ts_get(const struct rec_request *rq, struct ts ret_local[LIMIT_SELECTORS],
                        size_t *ret_n_local, struct ts ret_remote[LIMIT_SELECTORS],
                        size_t *ret_n_remote)
{
    struct rd r = rd_of(span_bytes(rq->ts));
    struct pl_ts local, remote;

    TRY(get(&r, &local));
    TRY(get(&r, &remote));
    TRY(rd_end(&r));
    *ret_n_local = copy_out(&local, ret_local);
    *ret_n_remote = copy_out(&remote, ret_remote);
    return OK;
}
