/* aead: the combined or AEAD cipher of an SK payload, in place.
 *
 * AEADs: RFC 5282 (AES-GCM), RFC 7634 (ChaCha20-Poly1305); nonce = salt from the key material | IV.
 * AES-CBC with HMAC-SHA2: RFC 7296 3.14, integrity over aad | iv | ciphertext, checked in constant
 * time before anything is decrypted. Padding is the caller's business (node/sa/protect.h). */
#pragma once

#include "node/crypto/suite.h"
#include "statesync/base/secret.h"

/* Octets of ICV for this suite; 0 when it is not a valid pair. */
size_t aead_icv_len(uint16_t encr, uint16_t key_bits, uint16_t integ);

/* A cipher with its keys, borrowed for the call. encr_key is key | salt. */
struct aead_keys {
    uint16_t encr;
    uint16_t encr_key_bits;
    uint16_t integ; /* 0 with an AEAD */
    const struct secret *encr_key;
    const struct secret *integ_key; /* unused with an AEAD, may be NULL */
};

/* Encrypts text[0..len) in place and writes aead_icv_len octets to ret_icv. iv: exactly
 * encr_info()->iv_len octets, never used before under this key (CBC: unpredictable). len: a
 * multiple of the block. aad must not overlap text. */
MUST_USE enum err aead_seal(const struct aead_keys *k, struct span iv, struct span aad,
                            uint8_t *text, size_t len, uint8_t *ret_icv);

/* E_INTEGRITY when the check fails, whatever the reason; text is then wiped or untouched, never
 * unauthenticated plaintext. */
MUST_USE enum err aead_open(const struct aead_keys *k, struct span iv, struct span aad,
                            uint8_t *text, size_t len, struct span icv);
