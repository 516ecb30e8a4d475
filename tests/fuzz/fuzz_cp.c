#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_cp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_cp cp, again;
    struct ip_addr ip;
    uint8_t bits;

    if (pl_cp_parse(rd_of(span_of(data, size)), &cp) != OK)
        return 0;
    pl_cp_write(&w, &cp);
    MUST(wr_ok(&w) == OK && w.len == size);
    MUST(pl_cp_parse(rd_of(wr_span(&w)), &again) == OK);
    MUST(again.type == cp.type && again.n == cp.n);
    for (size_t i = 0; i < cp.n; i++) {
        MUST(again.a[i].type == cp.a[i].type && span_eq(again.a[i].value, cp.a[i].value));
        MUST(cp_nth(&cp, cp.a[i].type, 0) <= &cp.a[i]);
        MUST(cp_nth(&cp, cp.a[i].type, cp.n) == NULL);
        if (cp_attr_ip(&cp.a[i], &ip, &bits) != OK)
            continue;
        MUST(bits <= ip_len(&ip) * 8);
        w = fuzz_writer();
        pl_cp_write_ip(&w, cp.a[i].type, &ip, bits);
        MUST(span_eq(span_of(w.base + 4, w.len - 4), cp.a[i].value));
    }
    return 0;
}
