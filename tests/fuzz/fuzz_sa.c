#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_sa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pl_sa sa, again;
    struct wr w = fuzz_writer();

    if (pl_sa_parse(rd_of(span_of(data, size)), &sa) != OK) {
        MUST(sa.n == 0);
        return 0;
    }
    MUST(sa.n >= 1 && sa.n <= LIMIT_PROPOSALS);
    pl_sa_write(&w, &sa);
    MUST(wr_ok(&w) == OK && w.len <= size);
    MUST(pl_sa_parse(rd_of(wr_span(&w)), &again) == OK);
    MUST(again.n == sa.n);
    for (size_t i = 0; i < sa.n; i++) {
        MUST(sa.p[i].n >= 1 && sa.p[i].n <= LIMIT_TRANSFORMS);
        MUST(again.p[i].n == sa.p[i].n && again.p[i].num == sa.p[i].num);
        MUST(span_eq(again.p[i].spi, sa.p[i].spi));
        for (size_t j = 0; j < sa.p[i].n; j++) {
            MUST(again.p[i].t[j].id == sa.p[i].t[j].id);
            MUST(again.p[i].t[j].key_bits == sa.p[i].t[j].key_bits);
        }
    }
    return 0;
}
