/* replay: the inbound anti-replay window of one SA, with or without extended sequence numbers.
 *
 * Pure. RFC 4303 3.4.3 and Appendix A. Check before the integrity check (cheap drop of replays, and
 * the high half of the number is needed for the check itself), update only after it. */
#pragma once

#include "node/dataplane/dataplane.h"

enum { REPLAY_WORDS = DP_WINDOW_BITS / 64 };

/* map is a ring: bit n % DP_WINDOW_BITS says whether number n was seen, for n in
 * (top - DP_WINDOW_BITS, top]. bits is how many of them count. */
struct replay {
    uint64_t top;
    uint64_t map[REPLAY_WORDS];
    uint16_t bits;
    bool esn;
};

/* bits is brought into 32..DP_WINDOW_BITS. from: where to start; top 0 is a fresh SA. In the bitmap
 * of a dp_window, bit i is bitmap[i / 8] >> i % 8. */
void replay_init(struct replay *ret, uint16_t bits, bool esn, const struct dp_window *from);

/* low: the 32 bits on the wire. OK and the 64-bit number, or E_REPLAY: seen, too old, or zero.
 * Changes nothing. */
MUST_USE enum err replay_check(const struct replay *w, uint32_t low, uint64_t *ret_seq);

/* Number seq (from replay_check) was authentic. E_REPLAY when it was taken in between. */
MUST_USE enum err replay_update(struct replay *w, uint64_t seq);

/* The state as bytes; bitmap_valid is true. Numbers outside the configured bits are set (seen). */
void replay_export(const struct replay *w, struct dp_window *ret);
