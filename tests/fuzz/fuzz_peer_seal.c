#include "tests/fuzz/fuzz.h"

#include "statesync/seal/peer_seal.h"

static void counting(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0x5c, len);
}

static const struct env ENV = { .random = counting };

static struct peer_seal *node(uint16_t id, uint32_t boot)
{
    struct peer_seal *p;
    uint8_t key[32];

    memset(key, 0x77, sizeof key);
    MUST(peer_seal_new(span_of(key, sizeof key), id, boot, &ENV, &p) == OK);
    return p;
}

/* One octet of input is one step: a datagram made, delivered now or later or twice or changed; what
 * was delivered once is never delivered again. */
static void steps(const uint8_t *data, size_t size)
{
    struct peer_seal *a = node(5, 1), *newer = node(5, 2), *b = node(6, 1);
    static uint8_t gram[32][64], scratch[64];
    size_t len[32] = { 0 };
    bool taken[32] = { false };
    struct peer_message m;

    for (size_t i = 0; i < size && i < 200; i++) {
        unsigned slot = data[i] & 31, what = data[i] >> 5;

        if (what < 4) {
            MUST(peer_seal_make(what == 3 ? newer : a, what == 0 ? PEER_HEARTBEAT : PEER_ESP,
                                what == 0 ? PEER_ANY : 6, span_of(data + i, 1), gram[slot],
                                sizeof gram[slot], &len[slot]) == OK);
            taken[slot] = false;
        } else if (what < 6) {
            enum err e =
                peer_seal_open(b, span_of(gram[slot], len[slot]), scratch, sizeof scratch, &m);

            MUST(!(e == OK && taken[slot]));
            taken[slot] = taken[slot] || e == OK;
        } else if (what == 6 && len[slot] > 0) {
            gram[slot][i % len[slot]] ^= 1;
            MUST(peer_seal_open(b, span_of(gram[slot], len[slot]), scratch, sizeof scratch, &m) !=
                 OK);
            gram[slot][i % len[slot]] ^= 1;
        } else {
            peer_seal_floor(b, 5, data[i] & 3);
        }
    }
    peer_seal_free(a);
    peer_seal_free(newer);
    peer_seal_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t scratch[PEER_DATAGRAM];
    static struct peer_seal *b;
    struct peer_message m;

    if (fuzz_choice(&data, &size) & 1) {
        steps(data, size);
        return 0;
    }
    if (b == NULL)
        b = node(6, 1);
    if (peer_seal_open(b, span_of(data, size), scratch, sizeof scratch, &m) == OK)
        MUST(m.body.len + PEER_OVERHEAD == size && m.node != 6);
    return 0;
}
