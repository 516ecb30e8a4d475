/* x509_internal: what the x509_*.c files share. Internal to node/crypto. */
#pragma once

#include <openssl/x509.h>

#include "node/crypto/x509_check.h"

/* One certificate from DER; NULL when malformed or followed by anything. */
X509 *x509_from_der(struct span der);

/* All certificates of a file (PEM: every one; DER: one) appended to to. E_CONFIG when one is
 * malformed or there is none; E_LIMIT past max. */
MUST_USE enum err x509_file_certs(struct span file, size_t max, STACK_OF(X509) * to);

/* Whether cert carries the identity; dn_exact: octet by octet, else as RFC 5280 7.1 compares names.
 */
bool x509_has_id(const X509 *cert, uint8_t id_type, struct span id, bool dn_exact);

/* SHA-1 of the certificate's SubjectPublicKeyInfo. */
MUST_USE enum err x509_spki_hash(const X509 *cert, uint8_t out[X509_CA_HASH_LEN]);

/* The anchors as certificates; borrowed. */
const STACK_OF(X509) * x509_anchors_certs(const struct x509_anchors *a);
