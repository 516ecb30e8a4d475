/* pl_sk: Encrypted payload, framing only. RFC 7296 3.14, RFC 5282.
 *
 * Knows where IV, ciphertext and checksum stand; the cipher's lengths come from the caller, the
 * cipher itself is called by node/sa/protect. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_header.h"
#include "node/wire/payload_chain.h"

/* The lengths of a cipher. block 1 for ciphers that need no padding (AEAD, counter mode). */
struct sk_shape {
    size_t iv_len;
    size_t block;
    size_t icv_len;
};

struct pl_sk {
    struct span aad;     /* RFC 5282 5.1: the message up to the IV: associated data of an AEAD */
    struct span covered; /* RFC 7296 3.14: the message up to the checksum: what a MAC covers */
    struct span iv;
    struct span text; /* ciphertext: at least one octet (Pad Length), a multiple of block */
    struct span icv;
};

/* message: the whole datagram, header included; sk: its last payload, of type PL_SK, from
 * payload_chain_clear. Spans point into message. E_TRUNCATED, E_BAD_LENGTH. */
MUST_USE enum err pl_sk_parse(struct span message, const struct payload *sk,
                              const struct sk_shape *shape, struct pl_sk *ret);

/* Strip Padding and Pad Length from a plaintext; only after its integrity was checked.
 * E_BAD_LENGTH: the pad is longer than the text. */
MUST_USE enum err pl_sk_unpad(struct span plain, struct span *ret_content);

/* A message laid out for encryption in place: pointers into the writer's buffer. */
struct sk_room {
    struct span message; /* complete, once encrypted */
    struct span aad;
    struct span covered;
    uint8_t *iv;   /* shape->iv_len octets, zero until filled by the caller */
    uint8_t *text; /* plaintext, padded, with its Pad Length: to be encrypted in place */
    size_t text_len;
    uint8_t *icv; /* shape->icv_len octets, zero until filled */
};

/* Writes a whole message into w (which must be empty): header with the right length and next
 * payload, SK's generic header, room for the IV, content with padding (zeros, the least that
 * fills the block), room for the checksum. first: type of the first payload in content, 0 if empty.
 * h->next_payload and h->length are ignored; content lies outside of w's buffer. E_LIMIT: does not
 * fit; the buffer may hold plaintext then, too. */
MUST_USE enum err pl_sk_layout(struct wr *w, const struct ike_header *h, uint8_t first,
                               struct span content, const struct sk_shape *shape,
                               struct sk_room *ret);

/* Octets of the whole message that carries content_len octets in SK. */
size_t pl_sk_message_len(size_t content_len, const struct sk_shape *shape);
