/* heartbeat: what a node says of itself to its neighbours every 50 ms (docs/formats/heartbeat.md).
 * Sender, boot second and counter are in the datagram around it (statesync/seal/peer_seal.h). */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/record/token.h"

enum { HEARTBEAT_OWNED = LIMIT_SLOTS / 8, HEARTBEAT_MAX = 1024 };

struct heartbeat {
    uint64_t membership_version; /* the newest that the sender has seen */
    uint64_t wall_ms;            /* sender's wall clock */
    bool leaving;                /* draining */
    bool store_unreachable;      /* also a promise not to claim for one deadline */
    struct incarnation store;    /* the incarnation it is connected to; zero: none */
    uint8_t n_suspects;
    uint16_t suspects[LIMIT_NODES]; /* node ids that it accuses; rising */
    uint8_t owned[HEARTBEAT_OWNED]; /* slots it owns and serves: slot n is octet n / 8, bit n % 8 */
    uint64_t sessions;              /* established sessions here, for status */
};

/* Into out[cap], HEARTBEAT_MAX always suffices; E_LIMIT. No allocation. */
MUST_USE enum err heartbeat_encode(const struct heartbeat *h, uint8_t *out, size_t cap,
                                   size_t *ret_len);
MUST_USE enum err heartbeat_decode(struct span body, struct heartbeat *ret);
