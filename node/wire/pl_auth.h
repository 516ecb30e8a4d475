/* pl_auth: Authentication payload, and the Digital Signature form of RFC 7427.  RFC 7296 3.8. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

struct pl_auth {
    uint8_t method; /* AUTH_METHOD_* */
    struct span data;
};

MUST_USE enum err pl_auth_parse(struct rd body, struct pl_auth *ret);
void pl_auth_write(struct wr *w, const struct pl_auth *a);

/* RFC 7427 3: data of AUTH_METHOD_SIGNATURE. */
struct auth_signature {
    struct span alg_id; /* DER AlgorithmIdentifier, compared as bytes, never parsed by us */
    struct span value;
};

/* From pl_auth.data. Neither part is empty; else E_BAD_LENGTH. */
MUST_USE enum err auth_signature_parse(struct span data, struct auth_signature *ret);
/* alg_id up to 255 octets (more: fails the writer). */
void auth_signature_write(struct wr *w, const struct auth_signature *s);
