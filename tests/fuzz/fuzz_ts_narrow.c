/* First octet: how many of the selectors are ours; then a TS payload's body. The result lies within
 * both sides. */
#include "tests/fuzz/fuzz.h"

#include "node/sa/ts_narrow.h"

static void prefixes(const uint8_t *data, size_t size)
{
    struct ip_prefix p = { .bits = data[0] };
    struct ts t, any, one;

    if (ip_from_span(span_of(data + 1, size >= 17 ? 16 : 4), &p.addr) != OK)
        return;
    p.bits %= ip_len(&p.addr) * 8 + 1;
    t = ts_prefix(&p);
    any = ts_any(p.addr.family);
    one = ts_address(&p.addr);
    MUST(ts_contains(&any, &t) && ts_contains(&t, &one));
    MUST(prefix_contains(&p, &t.first) && prefix_contains(&p, &t.last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice = fuzz_choice(&data, &size);
    struct ts got[LIMIT_SELECTORS], own[LIMIT_SELECTORS], *theirs;
    struct ip_addr vips[LIMIT_SELECTORS_WIRE];
    struct pl_ts ts;
    size_t n, ours, n_own;
    bool narrowed;

    if (size >= 5)
        prefixes(data, size);
    if (pl_ts_parse(rd_of(span_of(data, size)), &ts) != OK || ts.n == 0)
        return 0;
    ours = choice % (ts.n + 1);
    theirs = ts.ts + ours;
    if (ts_narrow(ts.ts, ours, theirs, ts.n - ours, got, &n, &narrowed) == OK) {
        MUST(n >= 1 && n <= LIMIT_SELECTORS);
        MUST(ts_within(ts.ts, ours, got, n));
        MUST(ts_within(theirs, ts.n - ours, got, n));
    }
    for (size_t i = 0; i < ts.n; i++)
        vips[i] = ts.ts[i].first;
    ts_dynamic(vips, choice % (ts.n + 1), &vips[0], own, &n_own);
    MUST(n_own >= 1 && n_own <= LIMIT_SELECTORS);
    return 0;
}
