/* x509_check: certificates of ours and of peers, through OpenSSL alone (no ASN.1 of our own).
 *
 * RFC 7296 2.15, 3.6, 3.7; RFC 4945 for what a certificate must look like: extended key usage
 * absent or one of serverAuth, clientAuth, ipsecIKE, iKEIntermediate, any; key usage absent or with
 * digitalSignature or nonRepudiation. Time is an argument. No revocation yet. */
#pragma once

#include "node/crypto/sign.h"
#include "statesync/base/limits.h"

enum { X509_CA_HASH_LEN = 20, X509_TEXT_MAX = 256 };

/* Trusted CAs, with a bounded memory of chains already verified: a client that comes again, or one
 * whose exchange is repeated, costs a hash. One thread at a time, peers obtained from it included.
 */
struct x509_anchors;
struct x509_chain; /* our own certificate and its intermediates, in sending order */
struct x509_peer;  /* a peer's certificate whose chain was verified; may outlive the anchors */

/* ---- trust anchors ---- */

MUST_USE enum err x509_anchors_new(struct x509_anchors **ret_a);
struct x509_anchors *x509_anchors_free(struct x509_anchors *a);

/* All certificates of a PEM file's octets, or one in DER. E_CONFIG when there is none. */
MUST_USE enum err x509_anchors_add(struct x509_anchors *a, struct span file);

/* The body of a CERTREQ payload without its encoding octet: the SHA-1 of each anchor's
 * SubjectPublicKeyInfo, one after the other (RFC 7296 3.7). Valid until the next add. */
struct span x509_anchors_certreq(const struct x509_anchors *a);

/* ---- our own chain ---- */

/* End certificate first, then intermediates (PEM), or one certificate (DER). E_CONFIG when empty,
 * or longer than LIMIT_CERTS. */
MUST_USE enum err x509_chain_load(struct span file, struct x509_chain **ret_c);
struct x509_chain *x509_chain_free(struct x509_chain *c);

/* DER of the n-th certificate for a CERT payload; empty past the end. Valid as long as c. */
struct span x509_chain_der(const struct x509_chain *c, size_t n);

/* Public key of the end certificate; borrowed. */
const struct pubkey *x509_chain_key(const struct x509_chain *c);

/* DER of the end certificate's subject: our ID of type DER_ASN1_DN. */
struct span x509_chain_subject(const struct x509_chain *c);

/* Whether the end certificate carries this identity (x509_peer_is_id for our own). */
bool x509_chain_is_id(const struct x509_chain *c, uint8_t id_type, struct span id);

/* Whether a CERTREQ body (hashes only) asks for a CA above our chain: one of its own intermediates,
 * or one of a (may be NULL) that issued one of its certificates. An empty body asks for any. */
bool x509_chain_fits(const struct x509_chain *c, const struct x509_anchors *a, struct span certreq);

/* ---- a peer's chain ---- */

/* certs[0] is the end certificate, the rest in any order; n <= LIMIT_CERTS. wall_s: Unix time.
 * E_AUTH_FAILED when no chain to an anchor is valid now, or a key on it is too weak (sign.h);
 * ret_peer is owned by the caller. why (may be NULL): a static text for the log. */
MUST_USE enum err x509_verify(struct x509_anchors *a, uint64_t wall_s, const struct span *certs,
                              size_t n, struct x509_peer **ret_peer, const char **why);
struct x509_peer *x509_peer_free(struct x509_peer *p);

/* Borrowed, valid as long as p. */
const struct pubkey *x509_peer_key(const struct x509_peer *p);

/* Whether the certificate carries this IKE identity: FQDN, RFC822, IPv4, IPv6 in subjectAltName;
 * DER_ASN1_DN as the subject. KEY_ID and others never match. No wildcards: what the peer claims is
 * exact, patterns are for the configuration (ident.h). */
bool x509_peer_is_id(const struct x509_peer *p, uint8_t id_type, struct span id);

/* Unix time after which some certificate of the verified chain is no longer valid. */
uint64_t x509_peer_not_after(const struct x509_peer *p);

/* The subject as text, for logs; NUL-terminated, cut to fit. */
const char *x509_peer_subject_text(const struct x509_peer *p, char out[X509_TEXT_MAX]);
