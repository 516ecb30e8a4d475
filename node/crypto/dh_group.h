/* dh_group: the arithmetic of the ECP and MODP groups. Internal to node/crypto (dh.c).
 *
 * priv is always of the group's fixed length (dh_ecp_private_len, dh_modp_private_len), big endian.
 */
#pragma once

#include "node/crypto/suite.h"

/* 0 for a group of another family. */
size_t dh_ecp_private_len(uint16_t group);
size_t dh_modp_private_len(uint16_t group);

/* Public value (dh_info()->public_len octets) of priv. E_BAD_VALUE: not a private key of the group;
 * for random octets: draw again. */
MUST_USE enum err dh_ecp_public(uint16_t group, struct span priv, uint8_t *out);
MUST_USE enum err dh_modp_public(uint16_t group, struct span priv, uint8_t *out);

/* Shared secret (dh_info()->shared_len octets). peer has the right length. E_BAD_VALUE: refused by
 * the checks of RFC 6989. */
MUST_USE enum err dh_ecp_shared(uint16_t group, struct span priv, struct span peer, uint8_t *out);
MUST_USE enum err dh_modp_shared(uint16_t group, struct span priv, struct span peer, uint8_t *out);
