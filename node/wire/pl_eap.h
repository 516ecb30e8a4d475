/* pl_eap: EAP payload: one EAP packet. RFC 7296 3.16, RFC 3748 4. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

struct pl_eap {
    uint8_t code; /* EAP_* */
    uint8_t id;
    uint8_t type;       /* of Request and Response; 0 with Success and Failure */
    struct span data;   /* behind the type */
    struct span packet; /* the whole EAP packet, as it is relayed; ignored by the writer */
};

MUST_USE enum err pl_eap_parse(struct rd body, struct pl_eap *ret);
void pl_eap_write(struct wr *w, const struct pl_eap *e);
