#include "tests/fuzz/fuzz.h"

#include "statesync/record/membership_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct membership m, again;
    struct bytes one, two;

    if (membership_decode(span_of(data, size), &m) != OK)
        return 0;
    MUST(m.n <= LIMIT_NODES && m.n_out <= LIMIT_NODES && m.slots <= LIMIT_SLOTS);
    MUST(membership_encode(&m, &one) == OK);
    MUST(membership_decode(span_bytes(one), &again) == OK);
    MUST(membership_encode(&again, &two) == OK);
    MUST(span_eq(span_bytes(one), span_bytes(two)));
    bytes_free(&one);
    bytes_free(&two);
    return 0;
}
