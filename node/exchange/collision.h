/* collision: our rekey in flight met the peer's rekey of the same SA (RFC 7296 2.8.1, 2.8.2): what
 * the peer's exchange made, until the answer to ours tells which of the two survives.
 *
 * Kept in the record (r.ext), because the node that takes that answer may be another one. At most
 * one at a time: only one request of ours is in flight. */
#pragma once

#include "statesync/record/session_record.h"

struct collision {
    uint64_t spi;       /* our SPI of what the peer's exchange made: ESP inbound, or own IKE SPI */
    struct span lowest; /* the lower nonce of that exchange; points into the record */
};

/* kind: RQ_REKEY_CHILD or RQ_REKEY_IKE. Replaces an older one. E_NOMEM: nothing changed. */
MUST_USE enum err collision_keep(struct session_record *r, uint8_t kind, uint64_t spi,
                                 struct span lowest);
/* false: none of this kind; *ret untouched. */
bool collision_get(const struct session_record *r, uint8_t kind, struct collision *ret);
void collision_clear(struct session_record *r);

/* Octet by octet; of two where one begins with the other the shorter is lower. Less, equal or above
 * 0. */
int nonce_cmp(struct span a, struct span b);
struct span nonce_lower(struct span a, struct span b);
