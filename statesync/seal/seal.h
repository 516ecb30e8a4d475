/* seal: the envelope around everything of ours in the store (docs/formats/envelope.md).
 *
 * Key per envelope: HKDF-SHA256 over the ring key, the record type, the full store key name and 16
 * random octets; AES-256-GCM. Bound as additional data: format, key id, record type, the full store
 * key name, token, version. So an envelope opens only under the name, type and version for which it
 * was made, and says who made it. A replayed older envelope of the same name opens: versions are
 * the caller's to compare. */
#pragma once

#include "statesync/base/env.h"
#include "statesync/record/token.h"
#include "statesync/seal/keyring.h"

/* Record types; never reused. */
enum seal_type {
    SEAL_SESSION = 1,    /* proto/ike_sa.proto, SessionRecord */
    SEAL_MEMBERSHIP = 2, /* proto/membership.proto, Membership */
    SEAL_NODE = 3,       /* one node's registration: boot second, address */
    SEAL_ADDRESS = 4,    /* lease of one inner address */
    SEAL_STAMP = 5,      /* not-before stamp of an identity */
};

enum { SEAL_OVERHEAD = 56 };

/* What an envelope says of itself; authentic once seal_open returned OK. */
struct seal_info {
    uint32_t key_id;
    uint8_t type;
    struct token token;
    uint64_t version;
};

/* version: the one under which it will be stored (expect + 1). store_key:
 * statesync/record/store_key.h. ret is malloc-ed, the caller's. E_NOT_FOUND: no active key;
 * E_LIMIT: larger than LIMIT_RECORD sealed; E_NOMEM; E_CRYPTO. */
MUST_USE enum err seal_record(struct keyring *k, const struct env *env, enum seal_type type,
                              struct span store_key, const struct token *token, uint64_t version,
                              struct span plain, struct bytes *ret);

/* The same into out, which has room for SEAL_OVERHEAD + plain.len octets. */
MUST_USE enum err seal_record_into(struct keyring *k, const struct env *env, enum seal_type type,
                                   struct span store_key, const struct token *token,
                                   uint64_t version, struct span plain, uint8_t *out);

/* version: as the store says; 0: any, see ret_info. ret_plain is malloc-ed, the caller's to
 * bytes_wipe_free; ret_info may be NULL. E_TRUNCATED, E_BAD_VERSION (format), E_LIMIT; E_NOT_FOUND:
 * unknown or retired key; E_BAD_VALUE: other type or version than asked for; E_INTEGRITY. */
MUST_USE enum err seal_open(struct keyring *k, enum seal_type type, struct span store_key,
                            uint64_t version, struct span envelope, struct bytes *ret_plain,
                            struct seal_info *ret_info);

/* Without opening, not authentic: for re-sealing and for a dump. E_TRUNCATED, E_BAD_VERSION. */
MUST_USE enum err seal_peek(struct span envelope, struct seal_info *ret_info);
