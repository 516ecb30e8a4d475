/* key: key objects behind sign.h, and the one place that says which keys are good enough. Internal
 * to node/crypto. */
#pragma once

#include <openssl/evp.h>

#include "node/crypto/sign.h"

enum key_kind { KEY_RSA, KEY_EC256, KEY_EC384, KEY_EC521, KEY_ED25519, KEY_ED448 };

struct sign_key {
    EVP_PKEY *pkey;
    enum key_kind kind;
};

struct pubkey {
    EVP_PKEY *pkey;
    enum key_kind kind;
};

/* False for kinds we do not take and for weak keys (sign.h, pubkey_load). */
bool key_kind_of(const EVP_PKEY *pkey, enum key_kind *ret_kind);

/* A public key over pkey (its own reference is taken). E_BAD_VALUE as pubkey_load. */
MUST_USE enum err pubkey_of(EVP_PKEY *pkey, struct pubkey **ret_pub);

/* Whether a file's octets look like PEM. */
bool key_is_pem(struct span file);
