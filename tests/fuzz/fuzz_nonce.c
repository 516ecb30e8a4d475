#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_nonce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct span nonce;

    if (pl_nonce_parse(rd_of(span_of(data, size)), &nonce) != OK) {
        MUST(size < LIMIT_NONCE_MIN || size > LIMIT_NONCE_MAX);
        return 0;
    }
    pl_nonce_write(&w, nonce);
    must_equal(&w, data, size);
    return 0;
}
