/* pl_cert: Certificate and Certificate Request payloads. RFC 7296 3.6, 3.7. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

enum { CERTREQ_HASH_LEN = 20 }; /* SHA-1 of a CA's SubjectPublicKeyInfo */

struct pl_cert {
    uint8_t encoding; /* CERT_* */
    struct span data; /* never empty */
};

MUST_USE enum err pl_cert_parse(struct rd body, struct pl_cert *ret);
void pl_cert_write(struct wr *w, const struct pl_cert *c);

struct pl_certreq {
    uint8_t encoding;
    struct span authorities; /* may be empty: any CA */
};

/* For CERT_X509_SIGNATURE, authorities is a whole number of hashes; else E_BAD_LENGTH. */
MUST_USE enum err pl_certreq_parse(struct rd body, struct pl_certreq *ret);
void pl_certreq_write(struct wr *w, const struct pl_certreq *c);

/* One of the hashes in a request is this one (CERTREQ_HASH_LEN octets), or it names none. */
bool certreq_wants(const struct pl_certreq *c, struct span hash);
