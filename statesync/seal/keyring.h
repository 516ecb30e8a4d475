/* keyring: the cluster's sealing keys, and every key that is derived from them.
 *
 * A ring key is 32 uniformly random octets with an id (1..2^32-1). One is active (seals and opens),
 * others are decrypt-only (open), retired ones do neither and keep only their id, so that a record
 * under one is told apart from a record under an unknown key. Cipher and MAC contexts are cached
 * inside: a keyring belongs to one thread. */
#pragma once

#include "statesync/base/secret.h"

enum key_state { KEY_ACTIVE = 1, KEY_DECRYPT_ONLY, KEY_RETIRED };

enum { KEYRING_KEYS = 16, KEYRING_KEY = 32 };

struct keyring;

/* Empty: seals and derives nothing until a key is added. E_NOMEM, E_CRYPTO. */
MUST_USE enum err keyring_new(struct keyring **ret);
/* Wipes. NULL is fine; returns NULL. */
struct keyring *keyring_free(struct keyring *k);

/* key: 32 octets, copied (E_BAD_LENGTH). Adding an active key makes the former one decrypt-only.
 * E_BAD_VALUE: id 0, id there already or a state that is none; E_LIMIT: KEYRING_KEYS are there. */
MUST_USE enum err keyring_add(struct keyring *k, uint32_t id, enum key_state state,
                              struct span key);
/* E_NOT_FOUND; E_NOT_ALLOWED: a retired key does not come back, and the active one is replaced by
 * activating another, never directly demoted. Retiring wipes the key; the caller has made sure that
 * nothing in the store is still sealed under it. */
MUST_USE enum err keyring_set_state(struct keyring *k, uint32_t id, enum key_state state);
/* 0: none. */
uint32_t keyring_active(const struct keyring *k);
/* false: no such key. */
bool keyring_state(const struct keyring *k, uint32_t id, enum key_state *ret);

/* A named sub-key: HKDF-SHA256 (RFC 5869) of ring key id (0: the active one) with info =
 * "ikestra sub-key 1" | label length:8 | label | context. The same on all nodes with that ring key.
 * Labels in use: "cookie", "peer", "qcd". E_NOT_FOUND: no such key, or retired. */
MUST_USE enum err keyring_derive(struct keyring *k, uint32_t id, const char *label,
                                 struct span context, uint8_t ret[KEYRING_KEY]);
