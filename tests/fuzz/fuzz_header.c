#include "tests/fuzz/fuzz.h"

#include "node/wire/ike_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_of(span_of(data, size));
    struct ike_header h, made;
    struct wr w = fuzz_writer();

    if (ike_header_parse(&r, &h) != OK) {
        MUST(rd_left(&r) == size);
        return 0;
    }
    MUST(rd_left(&r) == size - IKE_HEADER_LEN);
    MUST(h.length == size);
    ike_header_write(&w, &h);
    must_equal(&w, data, IKE_HEADER_LEN);
    made = ike_header_make(h.spi_i, h.spi_r, h.exchange, ike_from_initiator(&h),
                           ike_is_response(&h), h.msgid);
    MUST(ike_from_initiator(&made) == ike_from_initiator(&h));
    MUST(ike_is_response(&made) == ike_is_response(&h));
    return 0;
}
