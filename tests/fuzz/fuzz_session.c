#include "tests/fuzz/fuzz.h"

#include "statesync/record/session_check.h"

/* What was accepted can be written, and what was written is accepted and written the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_record r, again;
    struct bytes one, two;

    if (session_record_decode(span_of(data, size), &r) != OK)
        return 0;
    MUST(session_record_check(&r) == OK);
    MUST(session_record_encode(&r, &one) == OK);
    MUST(session_record_decode(span_bytes(one), &again) == OK);
    MUST(session_record_encode(&again, &two) == OK);
    MUST(span_eq(span_bytes(one), span_bytes(two)));
    bytes_free(&one);
    bytes_free(&two);
    session_record_done(&r);
    session_record_done(&again);
    return 0;
}
