/* pl_sa: Security Association payload: proposals, transforms, attributes. RFC 7296 3.3.
 *
 * Well-formedness only; node/sa/proposal chooses. */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

struct transform {
    uint8_t type;  /* TRANSFORM_* */
    bool unusable; /* carries an attribute that we do not understand, or one twice: RFC 7296
                      3.3.6 forbids to choose it */
    uint16_t id;
    uint16_t key_bits; /* Key Length attribute; 0: absent */
};

struct proposal {
    uint8_t num;
    uint8_t protocol; /* PROTO_* */
    struct span spi;  /* empty in IKE_SA_INIT, 8 octets for a rekeyed IKE SA, 4 for ESP */
    size_t n;
    struct transform t[LIMIT_TRANSFORMS];
};

struct pl_sa {
    size_t n;
    struct proposal p[LIMIT_PROPOSALS];
};

/* At least one proposal; each with the number of transforms that it declares. Spans point into
 * body. E_LIMIT: more proposals or transforms than we read. *ret is 18 KB
 * and filled in place: on failure its n is 0 and the rest undefined. */
MUST_USE enum err pl_sa_parse(struct rd body, struct pl_sa *ret);

/* The payload's body (no generic header). */
void pl_sa_write(struct wr *w, const struct pl_sa *sa);
