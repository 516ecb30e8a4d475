/* payload_chain: the chain of payloads behind a header or inside a decrypted SK. RFC 7296 3.2, 2.5.
 *
 * Splits, judges nothing but framing: which payloads may stand here now is the transition table's
 * question, what is in them the pl_ parsers'. */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/base/rd.h"
#include "node/wire/ike_numbers.h"

struct payload {
    uint8_t type;
    bool critical;
    struct span body; /* without the generic header; points into the message */
    size_t offset;    /* of body from the first octet of the chain */
};

struct payload_list {
    size_t n;
    uint64_t set;        /* PL_BIT of every type that is there */
    uint8_t inner_first; /* the type of the first payload inside SK or SKF; 0 without one */
    struct payload p[LIMIT_PAYLOADS];
};

/* The bit of one payload type in a set; 0 for a type we do not know. */
#define PL_BIT(type) ((type) > 32 && (type) < 96 ? (uint64_t)1 << ((type)-32) : (uint64_t)0)

/* A payload type that we understand. All others are skipped, or refused when critical. */
bool payload_known(uint8_t type);

/* The chain behind the header. first: the header's next payload; chain: everything behind the
 * header. SK and SKF must be the last payload: their next-payload octet names the first one inside
 * and becomes inner_first.
 *
 * Unknown payloads are left out. E_CRITICAL_PAYLOAD: one of them was critical, its type is then in
 * *ret_critical (else untouched) for UNSUPPORTED_CRITICAL_PAYLOAD. E_LIMIT: more than
 * LIMIT_PAYLOADS, skipped ones counted. E_TRUNCATED, E_BAD_LENGTH, E_TRAILING: framing. */
MUST_USE enum err payload_chain_clear(uint8_t first, struct span chain, struct payload_list *ret,
                                      uint8_t *ret_critical);

/* The same for the decrypted content of SK or of joined SKFs, where SK and SKF are E_NOT_ALLOWED.
 * first 0 with an empty chain is an empty message. */
MUST_USE enum err payload_chain_inner(uint8_t first, struct span chain, struct payload_list *ret,
                                      uint8_t *ret_critical);

/* The nth (from 0) payload of a type; NULL if there is none. Valid as long as the list. */
const struct payload *payload_nth(const struct payload_list *l, uint8_t type, size_t nth);

static inline const struct payload *payload_first(const struct payload_list *l, uint8_t type)
{
    return payload_nth(l, type, 0);
}

size_t payload_count(const struct payload_list *l, uint8_t type);
