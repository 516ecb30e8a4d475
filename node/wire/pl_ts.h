/* pl_ts: Traffic Selector payloads TSi and TSr. RFC 7296 3.13. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/limits.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

/* One selector: an address range with protocol (0 any) and port range. Same fields as struct
 * dp_selector of the data plane. Ports 0-65535 any; first > last only as 65535-0, "OPAQUE". For
 * ICMP the port is type << 8 | code. */
struct ts {
    uint8_t protocol;
    uint16_t port_first, port_last;
    struct ip_addr first, last; /* same family */
};

struct pl_ts {
    size_t n;
    bool skipped; /* selectors of a type that we do not know were left out */
    struct ts ts[LIMIT_SELECTORS_WIRE];
};

/* n may be 0 when all selectors were of unknown types. E_BAD_VALUE: a range that ends before it
 * begins. */
MUST_USE enum err pl_ts_parse(struct rd body, struct pl_ts *ret);
/* At most 255 selectors (more: fails the writer). */
void pl_ts_write(struct wr *w, const struct ts *ts, size_t n);

static inline bool ts_opaque(const struct ts *t)
{
    return t->port_first == 65535 && t->port_last == 0;
}
bool ts_eq(const struct ts *a, const struct ts *b);
