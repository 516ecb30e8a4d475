/* keymat: SK_* and Child SA keys from shared secrets and nonces (RFC 7296 2.14, 2.17, 2.18).
 *
 * "i" and "r" are the roles in the exchange that creates the SA. Where a cipher has a salt it
 * follows the key in the same secret (RFC 4106, RFC 5282, RFC 7634). */
#pragma once

#include "node/crypto/dh.h"
#include "node/crypto/suite.h"
#include "statesync/base/secret.h"

struct ike_keys {
    struct secret sk_d;
    struct secret sk_ai, sk_ar; /* empty with an AEAD */
    struct secret sk_ei, sk_er;
    struct secret sk_pi, sk_pr;
};

struct child_keys {
    struct secret encr_i, integ_i; /* from the exchange's initiator to its responder */
    struct secret encr_r, integ_r;
};

/* A first IKE SA: SKEYSEED = prf(Ni | Nr, g^ir). */
MUST_USE enum err keymat_ike(const struct ike_suite *suite, const struct dh_shared *shared,
                             struct span ni, struct span nr, uint64_t spi_i, uint64_t spi_r,
                             struct ike_keys *ret_keys);

/* The IKE SA of a rekey: SKEYSEED = prf_old(SK_d old, g^ir | Ni | Nr). SPIs are the new ones. */
MUST_USE enum err keymat_ike_rekey(uint16_t old_prf, const struct secret *old_sk_d,
                                   const struct ike_suite *suite, const struct dh_shared *shared,
                                   struct span ni, struct span nr, uint64_t spi_i, uint64_t spi_r,
                                   struct ike_keys *ret_keys);

/* KEYMAT = prf+(SK_d, [g^ir (new)] | Ni | Nr). shared may be NULL: no key exchange. prf and sk_d
 * are the IKE SA's. For the first Child SA the nonces are those of IKE_SA_INIT. */
MUST_USE enum err keymat_child(uint16_t prf_id, const struct secret *sk_d,
                               const struct dh_shared *shared, struct span ni, struct span nr,
                               const struct esp_suite *suite, struct child_keys *ret_keys);

void ike_keys_wipe(struct ike_keys *k);
void child_keys_wipe(struct child_keys *k);
