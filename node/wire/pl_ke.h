/* pl_ke: Key Exchange payload. RFC 7296 3.4. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

struct pl_ke {
    uint16_t group;   /* DH_* */
    struct span data; /* public value, never empty */
};

MUST_USE enum err pl_ke_parse(struct rd body, struct pl_ke *ret);
void pl_ke_write(struct wr *w, const struct pl_ke *ke);
