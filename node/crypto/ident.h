/* ident: IKE identities (RFC 7296 3.5) from configuration text, to text, and against patterns. */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/base/span.h"

enum {
    IDENT_IPV4 = 1,
    IDENT_FQDN = 2,
    IDENT_RFC822 = 3,
    IDENT_IPV6 = 5,
    IDENT_DER_DN = 9,
    IDENT_KEY_ID = 11,
};

enum { IDENT_TEXT_MAX = 320 };

struct ident {
    uint8_t type;
    uint16_t len;
    uint8_t data[LIMIT_ID];
};

static inline struct span ident_span(const struct ident *i)
{
    return (struct span){ i->data, i->len };
}

/* "192.0.2.1" and "2001:db8::1" are addresses, "user@example.org" RFC822, "CN=gw, O=Example" (a '='
 * inside) a distinguished name, "keyid:..." a KEY_ID, anything else a host name ("@" in front is
 * allowed and dropped). E_BAD_VALUE for what is empty, too long or malformed. */
MUST_USE enum err ident_parse(const char *text, struct ident *ret_i);

/* For logs and the control socket: printable ASCII, other octets escaped as \xx; cut to fit. */
const char *ident_text(uint8_t type, struct span data, char out[IDENT_TEXT_MAX]);

/* Whether an identity fits a configured pattern: exact as ident_parse reads it (names without
 * regard to ASCII case), "*.example.org" (host names with at least one more label), "*@example.org"
 * (mail addresses), "*" or "%any" (every identity). An unreadable pattern fits nothing. */
bool ident_matches(const char *pattern, uint8_t type, struct span data);

/* Two names without regard to ASCII case; any octet may occur in them. */
bool ident_name_eq(struct span a, struct span b);
