/* esp: one ESP packet, sealed or opened, in place. Tunnel mode, RFC 4303.
 *
 * Pure. AES-GCM-16 (RFC 4106), ChaCha20-Poly1305 (RFC 7634), AES-CBC with HMAC-SHA2 (RFC 3602,
 * 4868), with and without extended sequence numbers. A cipher is one direction of one SA: it keeps
 * one OpenSSL context with the key schedule, and only the IV changes per packet.
 *
 * Nonces: an AEAD's IV is the 64-bit sequence number, taken from a reservation. There is no
 * function that seals with a number of the caller's choice. */
#pragma once

#include "statesync/base/env.h"
#include "statesync/base/secret.h"

/* IANA "IKEv2 Transform Type 1 / 3" numbers of what ESP uses here. */
enum {
    ESP_ENCR_AES_CBC = 12,
    ESP_ENCR_AES_GCM_16 = 20,
    ESP_ENCR_CHACHA20_POLY1305 = 28,
    ESP_INTEG_NONE = 0,
    ESP_INTEG_HMAC_SHA2_256_128 = 12,
    ESP_INTEG_HMAC_SHA2_384_192 = 13,
    ESP_INTEG_HMAC_SHA2_512_256 = 14,
};

enum {
    ESP_NEXT_IPV4 = 4,
    ESP_NEXT_IPV6 = 41,
    ESP_NEXT_DUMMY = 59,             /* RFC 4303 2.6 */
    ESP_HEADER = 8,                  /* SPI and sequence number */
    ESP_HEADROOM_MAX = 24,           /* header and longest IV */
    ESP_TAILROOM_MAX = 2 + 255 + 32, /* trailer, longest padding, longest ICV */
};

struct esp_suite {
    uint16_t encr, key_bits, integ;
    uint8_t key_len;   /* cipher key with salt */
    uint8_t salt_len;  /* 0: CBC */
    uint8_t integ_len; /* integrity key; 0 with an AEAD */
    uint8_t iv_len, icv_len;
    uint8_t align; /* of the encrypted part */
    const char *cipher, *digest;
};

/* key_bits 0 with ChaCha20-Poly1305 (it has one size; 256 is taken too). NULL: no such suite. */
const struct esp_suite *esp_suite_find(uint16_t encr, uint16_t key_bits, uint16_t integ);

/* Numbers that may be used: [next, end), stored before use by whoever made it. */
struct esp_block {
    uint64_t next, end;
};

struct esp_cipher;

/* Keys are copied into OpenSSL contexts. E_BAD_LENGTH: a key has not the suite's length. env: for
 * CBC's IV key; not kept. */
MUST_USE enum err esp_cipher_new(const struct esp_suite *suite, bool esn, bool seal,
                                 const struct secret *encr_key, const struct secret *integ_key,
                                 const struct env *env, struct esp_cipher **ret);
struct esp_cipher *esp_cipher_free(struct esp_cipher *c);

/* Offset of the inner packet in a sealed packet: 8 + IV. */
static inline size_t esp_headroom(const struct esp_suite *s)
{
    return ESP_HEADER + (size_t)s->iv_len;
}
/* Length on the wire (from the SPI on) of an inner packet with tfc octets of traffic padding. */
size_t esp_sealed_len(const struct esp_suite *s, size_t inner_len, size_t tfc);
/* Longest inner packet for that many octets on the wire. */
size_t esp_inner_max(const struct esp_suite *s, size_t wire_len);

/* Seal in place: the inner packet stands at buf + esp_headroom. tfc: zero octets after it (RFC 4303
 * 2.7). Takes the next number of the block: E_LIMIT when there is none, or (without ESN) none below
 * 2^32; nothing is written then. ret_len: from buf on. cap: room in buf. */
MUST_USE enum err esp_seal(struct esp_cipher *c, uint32_t spi, struct esp_block *block,
                           uint8_t *buf, size_t cap, size_t inner_len, uint8_t next_header,
                           size_t tfc, size_t *ret_len);

/* SPI and low half of the number, of anything that may be ESP. E_TRUNCATED. */
MUST_USE enum err esp_peek(struct span packet, uint32_t *ret_spi, uint32_t *ret_low);

/* Open in place. seq: the 64-bit number that replay_check inferred. E_TRUNCATED, E_INTEGRITY, and
 * for authentic nonsense E_BAD_LENGTH (padding longer than the packet), E_BAD_VALUE (padding that
 * does not count up: RFC 4303 2.4). The inner span points into packet and still has the traffic
 * padding. */
MUST_USE enum err esp_open(struct esp_cipher *c, uint64_t seq, uint8_t *packet, size_t len,
                           struct span *ret_inner, uint8_t *ret_next_header);
