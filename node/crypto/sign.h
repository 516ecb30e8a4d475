/* sign: private keys, public keys and the signatures of the AUTH payload.
 *
 * Methods: digital signature (14, RFC 7427) with RSA PKCS#1 v1.5, RSA-PSS, ECDSA, Ed25519, Ed448
 * (RFC 8420) over SHA2-256/384/512 or the identity hash; ECDSA of fixed curve and hash (9, 10, 11,
 * RFC 4754). Method 1 is RSA over SHA-1 and is refused in both directions. What is signed is in
 * auth.h. */
#pragma once

#include "statesync/base/span.h"

/* IANA "IKEv2 Authentication Method". */
enum {
    SIGN_METHOD_RSA_SHA1 = 1, /* refused */
    SIGN_METHOD_PSK = 2,
    SIGN_METHOD_ECDSA_256 = 9,
    SIGN_METHOD_ECDSA_384 = 10,
    SIGN_METHOD_ECDSA_521 = 11,
    SIGN_METHOD_DIGITAL = 14,
};

/* IANA "IKEv2 Hash Algorithms" as bits of a set: what SIGNATURE_HASH_ALGORITHMS announced. */
enum {
    SIGN_HASH_SHA2_256 = 1 << 2,
    SIGN_HASH_SHA2_384 = 1 << 3,
    SIGN_HASH_SHA2_512 = 1 << 4,
    SIGN_HASH_IDENTITY = 1 << 5,
    SIGN_HASH_ALL =
        SIGN_HASH_SHA2_256 | SIGN_HASH_SHA2_384 | SIGN_HASH_SHA2_512 | SIGN_HASH_IDENTITY,
};

/* Octets of the longest AUTH data we make: RSA-8192 with its algorithm identifier. */
enum { SIGN_MAX = 1024 + 80 };

struct sign_key; /* a private key */
struct pubkey;   /* a public key */

/* From PEM or DER octets (PKCS#8, or the traditional forms). E_CONFIG when it is no key of a kind
 * above, RSA of less than 2048 bits, or encrypted. Owned by the caller until sign_key_free. */
MUST_USE enum err sign_key_load(struct span file, struct sign_key **ret_key);
struct sign_key *sign_key_free(struct sign_key *k);

/* The public half of a private key, a new object. */
MUST_USE enum err sign_key_public(const struct sign_key *k, struct pubkey **ret_pub);

/* From PEM or DER octets (SubjectPublicKeyInfo). E_BAD_VALUE when it is none, of another kind, or
 * weaker than allowed: RSA below 2048 bits or with an exponent below 65537, other curves than
 * P-256, P-384, P-521. */
MUST_USE enum err pubkey_load(struct span file, struct pubkey **ret_pub);
struct pubkey *pubkey_free(struct pubkey *p);
bool pubkey_eq(const struct pubkey *a, const struct pubkey *b);

/* Whether key and public key (of its certificate) belong together. */
bool sign_key_matches(const struct sign_key *k, const struct pubkey *p);

/* The AUTH method for this key: DIGITAL when the peer announced a usable hash (hashes: the set from
 * its SIGNATURE_HASH_ALGORITHMS, 0 when it sent none), else the ECDSA method of the key's curve,
 * else E_AUTH_FAILED (RSA and EdDSA need RFC 7427). */
MUST_USE enum err sign_choose(const struct sign_key *k, unsigned hashes, uint8_t *ret_method);

/* The AUTH data over parts[0] | parts[1] | .... With DIGITAL: length octet,
 * AlgorithmIdentifier, signature (RFC 7427 3); RSA signs with PSS, or with PKCS#1 v1.5 when
 * rsa_pkcs1. ret_auth has room for SIGN_MAX octets. */
MUST_USE enum err sign_make(const struct sign_key *k, uint8_t method, unsigned hashes,
                            bool rsa_pkcs1, const struct span *parts, size_t n, uint8_t *ret_auth,
                            size_t *ret_len);

/* OK, or E_AUTH_FAILED whatever the reason: other kind of key, algorithm or hash not allowed
 * (accept_hashes: what we announced), malformed, or false. */
MUST_USE enum err sign_verify(const struct pubkey *p, uint8_t method, unsigned accept_hashes,
                              struct span auth, const struct span *parts, size_t n);
