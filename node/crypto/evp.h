/* evp: OpenSSL objects fetched once and contexts kept per thread. Internal to node/crypto.
 *
 * A context keeps the last key it was given until the next one; the process holds that key in its
 * SA anyway. A thread's contexts are freed when it ends. */
#pragma once

#include <openssl/evp.h>

#include "node/crypto/suite.h"

enum evp_digest { EVP_D_256, EVP_D_384, EVP_D_512, EVP_D_SHA1, EVP_D_COUNT };
enum { EVP_CIPHERS = 5 };

struct evp_thread {
    EVP_MAC_CTX *hmac[EVP_D_SHA1]; /* SHA2 only; the digest is set */
    EVP_CIPHER_CTX *cipher[EVP_CIPHERS];
    EVP_MD_CTX *digest;
};

/* This thread's contexts; NULL when the library cannot give them. */
struct evp_thread *evp_thread(void);

/* Valid once evp_thread (or crypto_init) succeeded. */
const EVP_MD *evp_md(enum evp_digest d);
const EVP_CIPHER *evp_cipher(unsigned n);

/* Index of a cipher in evp_thread.cipher; i must be an entry of encr_info. */
unsigned evp_cipher_index(const struct encr_info *i);

/* prf and integrity ids to their digest. False for an unknown id. */
bool evp_digest_of_prf(uint16_t prf_id, enum evp_digest *ret_d);
bool evp_digest_of_integ(uint16_t integ, enum evp_digest *ret_d);

/* digest(parts...) to out (room for SUITE_PRF_MAX); *ret_len octets. */
MUST_USE enum err evp_hash(enum evp_digest d, const struct span *parts, size_t n, uint8_t *out,
                           size_t *ret_len);
