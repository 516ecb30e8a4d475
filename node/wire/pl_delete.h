/* pl_delete: Delete payload. RFC 7296 3.11. */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

struct pl_delete {
    uint8_t protocol; /* PROTO_IKE: this IKE SA, no SPIs; PROTO_ESP, PROTO_AH */
    size_t n;
    uint32_t spi[LIMIT_DELETE_SPIS]; /* the sender's inbound SPIs */
};

/* E_BAD_VALUE: another protocol. E_BAD_LENGTH: SPI size not 0 (IKE) or 4 (ESP, AH), or a count that
 * does not match. E_LIMIT: too many. */
MUST_USE enum err pl_delete_parse(struct rd body, struct pl_delete *ret);
void pl_delete_write(struct wr *w, const struct pl_delete *d);
