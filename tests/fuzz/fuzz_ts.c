#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_ts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_ts ts, again;

    if (pl_ts_parse(rd_of(span_of(data, size)), &ts) != OK)
        return 0;
    MUST(ts.n <= LIMIT_SELECTORS_WIRE);
    MUST(ts.n > 0 || ts.skipped);
    if (ts.n == 0)
        return 0;
    pl_ts_write(&w, ts.ts, ts.n);
    MUST(wr_ok(&w) == OK && w.len <= size);
    MUST(pl_ts_parse(rd_of(wr_span(&w)), &again) == OK);
    MUST(again.n == ts.n && !again.skipped);
    for (size_t i = 0; i < ts.n; i++) {
        MUST(ts_eq(&ts.ts[i], &again.ts[i]));
        MUST(ip_cmp(&ts.ts[i].first, &ts.ts[i].last) <= 0);
        MUST(ts_opaque(&ts.ts[i]) || ts.ts[i].port_first <= ts.ts[i].port_last);
    }
    return 0;
}
