/* cookie: the stateless COOKIE of IKE_SA_INIT (RFC 7296 2.6).
 *
 *   time slot (4 octets) | HMAC-SHA2-256(key(slot), slot | family | SPIi | IPi | Ni)
 *
 * key(slot) derives from the cluster key and the slot, so every node verifies every node's cookies
 * without the store. The slot is wall time / COOKIE_SLOT_S; current and previous are accepted, and
 * the next one, for nodes whose clocks differ. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/secret.h"

enum { COOKIE_LEN = 36, COOKIE_SLOT_S = 60 };

/* wall_s: Unix time. ni: the nonce data. */
MUST_USE enum err cookie_make(const struct secret *cluster_key, uint64_t wall_s, struct span ni,
                              const struct ip_addr *from, uint64_t spi_i,
                              uint8_t ret_cookie[COOKIE_LEN]);

/* OK, or E_INTEGRITY: not ours, for another initiator, or too old. Constant time. */
MUST_USE enum err cookie_check(const struct secret *cluster_key, uint64_t wall_s, struct span ni,
                               const struct ip_addr *from, uint64_t spi_i, struct span cookie);
