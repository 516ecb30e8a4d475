/* protect: seals and opens the Encrypted payload of a whole message (RFC 7296 3.14, RFC 5282,
 * RFC 7634), and its fragments (RFC 7383).
 *
 * Joins the framing of node/wire/pl_sk.h with the cipher of node/crypto/aead.h. Keeps nothing:
 * which key of the SA goes which way, retransmission and fragment lists are the caller's business.
 */
#pragma once

#include "node/crypto/suite.h"
#include "node/wire/pl_sk.h"
#include "node/wire/pl_skf.h"
#include "statesync/base/env.h"
#include "statesync/base/secret.h"

/* One direction of one IKE SA, borrowed for the call: SK_ei with SK_ai, or SK_er with SK_ar. */
struct protect_keys {
    const struct ike_suite *suite;
    const struct secret *sk_e;
    const struct secret *sk_a; /* empty with an AEAD */
};

/* What no two messages of this process may share, and what a CBC IV is made from.
 *
 * INV-NONCE: counter is node id:12 | 52-bit value, risen by one for every SK message that this
 * process encrypts for any SA (DESIGN.md). It is the IV of an AEAD. AES-CBC needs an unpredictable
 * IV instead (RFC 3602 2.1) and takes it from env. */
struct protect_iv {
    uint64_t counter;
    const struct env *env;
};

/* A whole message with content in its SK payload. h: header; next payload and length are filled
 * here. first: type of the first payload in content, 0 if empty. Written to out[0..cap);
 * *ret_message is that part. E_LIMIT: does not fit. On failure out holds no plaintext. */
MUST_USE enum err protect_seal(const struct protect_keys *k, const struct protect_iv *iv,
                               const struct ike_header *h, uint8_t first, struct span content,
                               uint8_t *out, size_t cap, struct span *ret_message);

/* One fragment, as protect_seal; 1 <= number <= total. Each takes a counter value of its own.
 * content is this fragment's part (protect_fragment_content each but the last); first is that of
 * the joined content. */
MUST_USE enum err protect_seal_fragment(const struct protect_keys *k, const struct protect_iv *iv,
                                        const struct ike_header *h, uint16_t number, uint16_t total,
                                        uint8_t first, struct span content, uint8_t *out,
                                        size_t cap, struct span *ret_message);

/* Content octets that fit into one fragment whose IKE message has at most message_max octets; 0
 * when none do. */
size_t protect_fragment_content(const struct ike_suite *suite, size_t message_max);

/* Octets of the unfragmented message that carries content_len octets. */
size_t protect_message_len(const struct ike_suite *suite, size_t content_len);

/* Checks and decrypts SK (sk: the payload that payload_chain_clear found in message; its
 * inner_first is the first payload's type). message is not changed. The content is written to out,
 * *ret_content is the part of out without padding. out needs room for the ciphertext: message.len
 * is always enough. E_TRUNCATED, E_BAD_LENGTH, E_INTEGRITY, E_LIMIT; then out holds no plaintext.
 * The caller wipes out when it is done with it. */
MUST_USE enum err protect_open(const struct protect_keys *k, struct span message,
                               const struct payload *sk, uint8_t *out, size_t cap,
                               struct span *ret_content);

/* The same for one SKF; also E_BAD_VALUE for impossible numbers. Joining is node/sa/frag.h. */
MUST_USE enum err protect_open_fragment(const struct protect_keys *k, struct span message,
                                        const struct payload *skf, uint8_t *out, size_t cap,
                                        uint16_t *ret_number, uint16_t *ret_total,
                                        struct span *ret_content);
