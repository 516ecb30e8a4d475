/* pl_id: Identification payloads IDi and IDr. RFC 7296 3.5. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

struct pl_id {
    uint8_t type; /* ID_* */
    struct span data;
};

/* E_BAD_LENGTH: an address of the wrong size, ID_NULL with data, any other type without. Unknown
 * types pass. What AUTH signs (RestOfIDPayload, RFC 7296 2.15) is the payload's whole body, as
 * received. */
MUST_USE enum err pl_id_parse(struct rd body, struct pl_id *ret);
void pl_id_write(struct wr *w, const struct pl_id *id);
