#include "tests/fuzz/fuzz.h"

#include "statesync/seal/peer_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct peer_slots slots;
    static uint8_t out[128 * 1024];
    struct peer_packet packet;
    size_t len;

    if (fuzz_choice(&data, &size) & 1) {
        if (peer_slots_decode(span_of(data, size), &slots) != OK)
            return 0;
        MUST(peer_slots_encode(slots.slots, slots.n, out, sizeof out, &len) == OK);
    } else {
        if (peer_packet_decode(span_of(data, size), &packet) != OK)
            return 0;
        MUST(peer_packet_encode(&packet, out, sizeof out, &len) == OK);
    }
    MUST(span_eq(span_of(out, len), span_of(data, size)));
    return 0;
}
