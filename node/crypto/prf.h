/* prf: the negotiated pseudo-random function and prf+ (RFC 7296 2.13), over HMAC-SHA2 (RFC 4868).
 */
#pragma once

#include "node/crypto/suite.h"

/* prf(key, parts[0] | parts[1] | ...). Writes prf_info(prf_id)->len octets to out, which has room
 * for SUITE_PRF_MAX. Any key length (HMAC). E_UNSUPPORTED for an unknown prf_id. */
MUST_USE enum err prf(uint16_t prf_id, struct span key, const struct span *parts, size_t n,
                      uint8_t *out);

/* prf+(key, parts...) to len octets, n <= 4; E_LIMIT past 255 blocks (RFC 7296 2.13). */
MUST_USE enum err prf_plus(uint16_t prf_id, struct span key, const struct span *parts, size_t n,
                           uint8_t *out, size_t len);

/* HMAC with an integrity algorithm's digest, truncated to integ_info(integ)->trunc_len octets. */
MUST_USE enum err integ_mac(uint16_t integ, struct span key, const struct span *parts, size_t n,
                            uint8_t *out);
