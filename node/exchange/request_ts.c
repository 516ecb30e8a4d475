#include "node/exchange/request_ts.h"

enum { ONE_LIST = 8 + LIMIT_SELECTORS * 48 };

static void write_list(struct wr *w, const struct ts *ts, size_t n)
{
    size_t at = w->len;

    wr_u16(w, 0);
    pl_ts_write(w, ts, n);
    if (wr_ok(w) == OK)
        wr_put_u16(w, at, (uint16_t)(w->len - at - 2));
}

enum err request_ts_keep(struct rec_request *rq, const struct ts *local, size_t n_local,
                         const struct ts *remote, size_t n_remote)
{
    uint8_t room[2 * ONE_LIST];
    struct wr w = wr_of(room, sizeof room);
    struct bytes copy;

    write_list(&w, local, n_local);
    write_list(&w, remote, n_remote);
    TRY(wr_ok(&w));
    TRY(bytes_copy(wr_span(&w), &copy));
    bytes_free(&rq->ts);
    rq->ts = copy;
    return OK;
}

static enum err read_list(struct rd *r, struct ts *ret, size_t *ret_n)
{
    struct pl_ts list;
    struct rd sub;
    uint16_t len;

    TRY(rd_u16(r, &len));
    TRY(rd_sub(r, len, &sub));
    TRY(pl_ts_parse(sub, &list));
    if (list.n > LIMIT_SELECTORS)
        return E_LIMIT;
    for (size_t i = 0; i < list.n; i++)
        ret[i] = list.ts[i];
    *ret_n = list.n;
    return OK;
}

enum err request_ts_get(const struct rec_request *rq, struct ts *ret_local, size_t *ret_n_local,
                        struct ts *ret_remote, size_t *ret_n_remote)
{
    struct rd r = rd_of(span_bytes(rq->ts));

    TRY(read_list(&r, ret_local, ret_n_local));
    TRY(read_list(&r, ret_remote, ret_n_remote));
    return rd_end(&r);
}
