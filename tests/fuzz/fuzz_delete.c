#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_delete.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_delete d;

    if (pl_delete_parse(rd_of(span_of(data, size)), &d) != OK)
        return 0;
    MUST(d.n <= LIMIT_DELETE_SPIS);
    pl_delete_write(&w, &d);
    must_equal(&w, data, size);
    return 0;
}
