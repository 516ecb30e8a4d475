/* pl_cp: Configuration payload. RFC 7296 3.15. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/limits.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

struct cp_attr {
    uint16_t type; /* cp_attr_type; the reserved bit is ignored on receipt */
    struct span value;
};

struct pl_cp {
    uint8_t type; /* CP_* */
    size_t n;
    struct cp_attr a[LIMIT_CP_ATTRS];
};

/* E_LIMIT: more attributes than LIMIT_CP_ATTRS. E_BAD_LENGTH: an address attribute whose value has
 * neither the length that RFC 7296 3.15.1 allows nor none. Unknown types pass. */
MUST_USE enum err pl_cp_parse(struct rd body, struct pl_cp *ret);

/* The first four octets of the body; attributes follow one by one. */
void pl_cp_write_type(struct wr *w, uint8_t type);
void pl_cp_write_attr(struct wr *w, uint16_t type, struct span value);
/* An address attribute: IP6_ADDRESS carries prefix_bits behind the address, IP4_ and IP6_SUBNET a
 * mask or prefix length; others the bare address. */
void pl_cp_write_ip(struct wr *w, uint16_t type, const struct ip_addr *a, uint8_t prefix_bits);
void pl_cp_write(struct wr *w, const struct pl_cp *cp);

/* The address in IP4_ADDRESS, IP6_ADDRESS, IP4_/IP6_DNS, ..: E_BAD_LENGTH when the value is empty
 * (a request for any) or too short. ret_bits: prefix length behind it; 32 or 128 where there is
 * none.
 */
MUST_USE enum err cp_attr_ip(const struct cp_attr *a, struct ip_addr *ret, uint8_t *ret_bits);

/* The nth (from 0) attribute of a type, or NULL. */
const struct cp_attr *cp_nth(const struct pl_cp *cp, uint16_t type, size_t nth);
