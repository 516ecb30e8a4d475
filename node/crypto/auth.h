/* auth: what the AUTH payload covers (RFC 7296 2.15), and its shared-key form.
 *
 *   octets = first message of the signer | nonce of the other side | prf(SK_p, ID payload body)
 */
#pragma once

#include "node/crypto/sign.h"
#include "node/crypto/suite.h"
#include "statesync/base/secret.h"

/* Spans are borrowed: message and nonce must outlive it. */
struct auth_octets {
    struct span message;
    struct span nonce;
    uint8_t maced_id[SUITE_PRF_MAX];
    uint8_t maced_id_len;
};

/* message: the signer's whole IKE_SA_INIT message (from the header, without a non-ESP marker).
 * nonce: the *other* side's nonce data. sk_p: the signer's SK_pi or SK_pr. id_body: its ID payload
 * without the generic header (type, three reserved octets, data). */
MUST_USE enum err auth_octets_init(struct auth_octets *ret_o, uint16_t prf_id,
                                   const struct secret *sk_p, struct span message,
                                   struct span nonce, struct span id_body);

/* AUTH data of method 2: prf(prf(psk, "Key Pad for IKEv2"), octets); prf_info()->len octets to
 * ret_auth (room for SUITE_PRF_MAX). An empty psk is E_AUTH_FAILED. */
MUST_USE enum err auth_psk_make(uint16_t prf_id, struct span psk, const struct auth_octets *o,
                                uint8_t *ret_auth, size_t *ret_len);

/* Constant time. E_AUTH_FAILED when it does not match. */
MUST_USE enum err auth_psk_verify(uint16_t prf_id, struct span psk, const struct auth_octets *o,
                                  struct span auth);

/* sign_make and sign_verify (sign.h) over these octets. */
MUST_USE enum err auth_sign(const struct sign_key *k, uint8_t method, unsigned hashes,
                            bool rsa_pkcs1, const struct auth_octets *o, uint8_t *ret_auth,
                            size_t *ret_len);
MUST_USE enum err auth_verify(const struct pubkey *p, uint8_t method, unsigned accept_hashes,
                              struct span auth, const struct auth_octets *o);
