#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_id id, again;

    if (pl_id_parse(rd_of(span_of(data, size)), &id) != OK)
        return 0;
    pl_id_write(&w, &id);
    MUST(wr_ok(&w) == OK && w.len == size);
    MUST(pl_id_parse(rd_of(wr_span(&w)), &again) == OK);
    MUST(again.type == id.type && span_eq(again.data, id.data));
    return 0;
}
