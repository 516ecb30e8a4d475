#include "tests/fuzz/fuzz.h"

#include "statesync/record/heartbeat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t one[HEARTBEAT_MAX], two[HEARTBEAT_MAX];
    struct heartbeat h, again;
    size_t len1, len2;

    if (heartbeat_decode(span_of(data, size), &h) != OK)
        return 0;
    MUST(h.n_suspects <= LIMIT_NODES);
    MUST(heartbeat_encode(&h, one, sizeof one, &len1) == OK);
    MUST(heartbeat_decode(span_of(one, len1), &again) == OK);
    MUST(heartbeat_encode(&again, two, sizeof two, &len2) == OK);
    MUST(span_eq(span_of(one, len1), span_of(two, len2)));
    return 0;
}
