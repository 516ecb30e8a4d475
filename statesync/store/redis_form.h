/* redis_form: the forms in which things are kept in Redis: names of keys, a slot's row, the version
 * in front of every value. The reference is docs/formats/redis-keys.md. Pure. */
#pragma once

#include "statesync/store/store.h"

enum {
    REDIS_KEY_MAX = 96,
    REDIS_ROW_FORMAT = 1,
    REDIS_TOKEN_LEN = 11, /* format octet, epoch, node, boot second */
    REDIS_ROW_LEN = 27,   /* the token and 16 octets of incarnation */
    REDIS_VERSION_LEN = 8
};

struct redis_key {
    char text[REDIS_KEY_MAX];
    size_t len;
};

/* "ikestra:{<pop>:<slot>}:row", "ikestra:{<pop>:<slot>}:s". The braces keep both on one shard. */
void redis_key_row(uint8_t pop, uint16_t slot, struct redis_key *ret_k);
void redis_key_slot(uint8_t pop, uint16_t slot, struct redis_key *ret_k);

/* "ikestra:{<pop>}:o:<name>". E_BAD_VALUE: name is not 1..63 octets of [a-z0-9:._-]. */
MUST_USE enum err redis_key_object(uint8_t pop, const char *name, struct redis_key *ret_k);

/* The first REDIS_TOKEN_LEN octets of a row. */
void redis_token_write(const struct token *t, uint8_t out[REDIS_TOKEN_LEN]);

/* An empty value is "no row": *ret_row all zero. E_BAD_LENGTH, E_BAD_VERSION, E_BAD_VALUE. */
MUST_USE enum err redis_row_parse(struct span value, struct store_row *ret_row);

void redis_u64_write(uint64_t v, uint8_t out[REDIS_VERSION_LEN]);

/* A stored value: version >= 1, then the octets of the caller. E_TRUNCATED, E_BAD_VALUE. */
MUST_USE enum err redis_value_parse(struct span stored, uint64_t *ret_version,
                                    struct span *ret_value);
