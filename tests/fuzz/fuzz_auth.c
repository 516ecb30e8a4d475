#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_auth a;
    struct auth_signature s;

    if (pl_auth_parse(rd_of(span_of(data, size)), &a) != OK)
        return 0;
    pl_auth_write(&w, &a);
    MUST(wr_ok(&w) == OK && w.len == size);
    if (auth_signature_parse(a.data, &s) == OK) {
        w = fuzz_writer();
        auth_signature_write(&w, &s);
        must_equal(&w, a.data.p, a.data.len);
    }
    return 0;
}
