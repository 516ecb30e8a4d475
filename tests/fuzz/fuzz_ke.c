#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_ke.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_ke ke, again;

    if (pl_ke_parse(rd_of(span_of(data, size)), &ke) != OK)
        return 0;
    MUST(ke.data.len > 0);
    pl_ke_write(&w, &ke);
    MUST(wr_ok(&w) == OK && w.len == size);
    MUST(pl_ke_parse(rd_of(wr_span(&w)), &again) == OK);
    MUST(again.group == ke.group && span_eq(again.data, ke.data));
    return 0;
}
