#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_eap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_eap e;

    if (pl_eap_parse(rd_of(span_of(data, size)), &e) != OK)
        return 0;
    MUST(span_eq(e.packet, span_of(data, size)));
    pl_eap_write(&w, &e);
    must_equal(&w, data, size);
    return 0;
}
