/* sign_scheme: the AlgorithmIdentifiers of RFC 7427 and what they mean. Internal to node/crypto. */
#pragma once

#include "node/crypto/evp.h"
#include "node/crypto/key.h"

enum scheme_pad { PAD_NONE, PAD_PKCS1, PAD_PSS };

struct sign_scheme {
    int pkey;             /* EVP_PKEY_RSA, _EC, _ED25519, _ED448 */
    enum scheme_pad pad;  /* RSA only */
    bool identity;        /* no hash of ours: EdDSA */
    enum evp_digest hash; /* unless identity */
    int salt_len;         /* PSS only */
    unsigned hash_bit;    /* SIGN_HASH_* */
    struct span der;      /* as we send it */
};

/* The scheme we sign with; NULL when hash_bit does not go with the key. */
const struct sign_scheme *scheme_for(enum key_kind kind, unsigned hash_bit, bool rsa_pkcs1);

/* What an AlgorithmIdentifier says. E_AUTH_FAILED for anything not in RFC 7427 with SHA-2 or
 * RFC 8420. ret_s->der stays empty. */
MUST_USE enum err scheme_read(struct span der, struct sign_scheme *ret_s);
