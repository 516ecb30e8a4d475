/* addr: IP addresses and UDP endpoints as values, without sockets. */
#pragma once

#include "statesync/base/span.h"

/* family: 0 none, 4, 6. IPv4 uses ip[0..3]; the rest is zero, so two equal addresses are equal as
 * bytes.*/
struct ip_addr {
    uint8_t family;
    uint8_t ip[16];
};

struct endpoint {
    struct ip_addr addr;
    uint16_t port; /* host order */
};

struct ip_prefix {
    struct ip_addr addr;
    uint8_t bits;
};

enum { IP_TEXT_MAX = 64, ENDPOINT_TEXT_MAX = 72 };

bool ip_eq(const struct ip_addr *a, const struct ip_addr *b);
bool endpoint_eq(const struct endpoint *a, const struct endpoint *b);
static inline size_t ip_len(const struct ip_addr *a)
{
    return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}
static inline struct span ip_span(const struct ip_addr *a)
{
    return (struct span){ a->ip, ip_len(a) };
}
/* From 4 or 16 octets; E_BAD_LENGTH otherwise. */
MUST_USE enum err ip_from_span(struct span s, struct ip_addr *ret);
/* Text forms: "192.0.2.1", "2001:db8::1"; prefix "10.0.0.0/8" (a bare address means the full
 * length); endpoint "192.0.2.1:500", "[2001:db8::1]:500". E_BAD_VALUE for anything else. */
MUST_USE enum err ip_parse(const char *s, struct ip_addr *ret);
MUST_USE enum err prefix_parse(const char *s, struct ip_prefix *ret);
MUST_USE enum err endpoint_parse(const char *s, struct endpoint *ret);
const char *ip_text(const struct ip_addr *a, char out[IP_TEXT_MAX]);
const char *endpoint_text(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX]);
const char *prefix_text(const struct ip_prefix *p, char out[IP_TEXT_MAX]);
bool prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
/* Addition as one big-endian integer; wraps. */
struct ip_addr ip_add(const struct ip_addr *a, uint64_t n);
int ip_cmp(const struct ip_addr *a, const struct ip_addr *b);
