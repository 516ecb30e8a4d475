/* dh: one Diffie-Hellman key pair and its shared secret, for every group of suite.h.
 *
 * Public values are what the KE payload carries: RFC 7296 3.4 (MODP: padded to the prime's length),
 * RFC 5903 (ECP: x | y, no leading octet), RFC 8031 (x25519, x448). The private key comes from
 * env's randomness alone, so a seed decides a simulated run. */
#pragma once

#include "node/crypto/suite.h"
#include "statesync/base/env.h"
#include "statesync/base/secret.h"

struct dh;

/* The shared secret; whoever holds one wipes it (dh_shared_wipe). */
struct dh_shared {
    size_t len;
    uint8_t data[SUITE_DH_MAX];
};

/* A fresh key pair; the caller owns it until dh_free. E_UNSUPPORTED for an unknown group. */
MUST_USE enum err dh_new(const struct env *env, uint16_t group, struct dh **ret_dh);

/* A key pair from its private key (dh_private), so that a request of ours in flight survives its
 * node. E_BAD_VALUE when it cannot be a private key of the group. */
MUST_USE enum err dh_from_private(uint16_t group, const struct secret *priv, struct dh **ret_dh);

uint16_t dh_group(const struct dh *d);

/* dh_info(group)->public_len octets, valid as long as d. */
struct span dh_public(const struct dh *d);

/* Borrowed, valid as long as d. Only for a sealed record. */
const struct secret *dh_private(const struct dh *d);

/* The secret shared with the peer's public value. E_BAD_VALUE when the value fails the checks of
 * RFC 6989 2 (length, range, on the curve) or gives the all-zero secret (RFC 8031, RFC 7748 6). */
MUST_USE enum err dh_compute(const struct dh *d, struct span peer, struct dh_shared *ret_shared);

void dh_shared_wipe(struct dh_shared *s);

/* Wipes. Takes NULL; returns NULL. */
struct dh *dh_free(struct dh *d);
