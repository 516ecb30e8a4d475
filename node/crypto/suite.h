/* suite: the algorithms we speak, by IANA number: sizes, OpenSSL names and text names.
 *
 * What is not in these tables is not offered and not accepted (RFC 8221, RFC 8247). The numbers are
 * repeated here under names of their own because this folder may not see node/wire. */
#pragma once

#include "statesync/base/span.h"

enum {
    /* transform type 1 */
    ALG_ENCR_AES_CBC = 12,
    ALG_ENCR_AES_GCM_16 = 20,
    ALG_ENCR_CHACHA20_POLY1305 = 28,
    /* transform type 2 */
    ALG_PRF_HMAC_SHA2_256 = 5,
    ALG_PRF_HMAC_SHA2_384 = 6,
    ALG_PRF_HMAC_SHA2_512 = 7,
    /* transform type 3 */
    ALG_INTEG_HMAC_SHA2_256_128 = 12,
    ALG_INTEG_HMAC_SHA2_384_192 = 13,
    ALG_INTEG_HMAC_SHA2_512_256 = 14,
    /* transform type 4 */
    ALG_DH_NONE = 0,
    ALG_DH_MODP_2048 = 14,
    ALG_DH_MODP_3072 = 15,
    ALG_DH_MODP_4096 = 16,
    ALG_DH_ECP_256 = 19,
    ALG_DH_ECP_384 = 20,
    ALG_DH_ECP_521 = 21,
    ALG_DH_CURVE25519 = 31,
    ALG_DH_CURVE448 = 32,
};

/* Maxima over the tables; for buffers. */
enum {
    SUITE_PRF_MAX = 64,  /* octets a PRF gives */
    SUITE_IV_MAX = 16,   /* octets of an IV on the wire */
    SUITE_ICV_MAX = 32,  /* octets of an ICV on the wire */
    SUITE_DH_MAX = 512,  /* octets of a public value or a shared secret */
    SUITE_TEXT_MAX = 80, /* text of a suite, NUL included */
};

/* encr_key_bits is the Key Length attribute: 128 or 256 with AES, 0 (no attribute) with ChaCha20.
 */
struct ike_suite {
    uint16_t encr;
    uint16_t encr_key_bits;
    uint16_t integ; /* 0 with an AEAD */
    uint16_t prf;
    uint16_t dh;
};

struct esp_suite {
    uint16_t encr;
    uint16_t encr_key_bits;
    uint16_t integ; /* 0 with an AEAD */
    uint16_t dh;    /* 0: none */
    bool esn;
};

struct encr_info {
    uint16_t id;
    uint16_t key_bits; /* the Key Length attribute, 0: none */
    uint8_t key_len;   /* octets of the cipher key, without salt */
    uint8_t salt_len;  /* octets that follow the key in the key material */
    uint8_t iv_len;    /* octets on the wire */
    uint8_t icv_len;   /* octets of the tag; 0 when integ gives it */
    uint8_t block;     /* plaintext is padded to this; 1 for AEADs (ESP still aligns to 4) */
    bool aead;
    const char *ossl; /* for EVP_CIPHER_fetch */
    const char *text; /* in proposal strings */
};

struct integ_info {
    uint16_t id;
    uint8_t key_len;
    uint8_t trunc_len;  /* octets on the wire */
    const char *digest; /* for EVP_MD_fetch */
    const char *text;
};

struct prf_info {
    uint16_t id;
    uint8_t len;     /* octets of output */
    uint8_t key_len; /* octets of SK_d, SK_pi, SK_pr */
    const char *digest;
    const char *text;
};

struct dh_info {
    uint16_t id;
    uint16_t public_len; /* octets of the KE payload's data */
    uint16_t shared_len; /* octets of the shared secret */
    const char *text;
};

/* Static entries, or NULL for anything not supported. */
const struct encr_info *encr_info(uint16_t id, uint16_t key_bits);
const struct integ_info *integ_info(uint16_t id);
const struct prf_info *prf_info(uint16_t id);
const struct dh_info *dh_info(uint16_t id);

/* Every field is known and they fit together: integ exactly with non-AEAD ciphers, prf and dh
 * present in an IKE suite. E_NO_PROPOSAL otherwise. */
MUST_USE enum err ike_suite_check(const struct ike_suite *s);
MUST_USE enum err esp_suite_check(const struct esp_suite *s);

/* One suite from a proposal string in strongSwan's words: "aes128gcm16-prfsha256-x25519",
 * "aes256-sha256-ecp256" (prf taken from the integrity algorithm),
 * "chacha20poly1305-prfsha512-x448". Parts in any order, each kind once. E_BAD_VALUE for an unknown
 * or repeated word or an incomplete suite. */
MUST_USE enum err ike_suite_parse(const char *text, struct ike_suite *ret_s);

/* As above, for ESP: "aes128gcm16", "aes256-sha512-x25519-esn"; "noesn" is allowed and the default.
 */
MUST_USE enum err esp_suite_parse(const char *text, struct esp_suite *ret_s);

/* The same form back; returns out. A suite that does not check gives "unknown". */
const char *ike_suite_text(const struct ike_suite *s, char out[SUITE_TEXT_MAX]);
const char *esp_suite_text(const struct esp_suite *s, char out[SUITE_TEXT_MAX]);
