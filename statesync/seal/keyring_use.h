/* keyring_use: what the sealing code needs of a keyring, and nobody else. */
#pragma once

#include <openssl/evp.h>

#include "statesync/seal/keyring.h"

/* HKDF-Expand to 32 octets under ring key id; info is the concatenation of n spans. E_NOT_FOUND:
 * unknown or retired key. */
MUST_USE enum err keyring_expand(struct keyring *k, uint32_t id, const struct span *info, size_t n,
                                 uint8_t ret[KEYRING_KEY]);

/* The kept AES-256-GCM context, to be given a key and IV. Borrowed. */
EVP_CIPHER_CTX *keyring_cipher(struct keyring *k, bool encrypt);
