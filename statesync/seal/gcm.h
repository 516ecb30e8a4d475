/* gcm: one AES-256-GCM operation on a context that is kept. Tag 16 octets, IV 12 octets. */
#pragma once

#include <openssl/evp.h>

#include "statesync/base/span.h"

enum { GCM_KEY = 32, GCM_IV = 12, GCM_TAG = 16 };

/* A context of AES-256-GCM in the one direction; key 32 octets. NULL: out of memory. */
EVP_CIPHER_CTX *gcm_context(bool encrypt, const uint8_t key[GCM_KEY]);

/* key NULL: the context's own stays. Writes plain.len + GCM_TAG octets; out may be plain's memory.
 * aad: n spans. E_CRYPTO. */
MUST_USE enum err gcm_encrypt(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t iv[GCM_IV],
                              const struct span *aad, size_t n, struct span plain, uint8_t *out);

/* sealed: ciphertext and tag. Writes sealed.len - GCM_TAG octets, wiped again on E_INTEGRITY. */
MUST_USE enum err gcm_decrypt(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t iv[GCM_IV],
                              const struct span *aad, size_t n, struct span sealed, uint8_t *out);
