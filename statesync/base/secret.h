/* secret: key material of up to 68 octets (64-octet HMAC keys, 32-octet cipher keys with salt).
 *
 * A type of its own so that it is never logged, compared or stored by mistake. Whoever holds one
 * wipes it on every path. */
#pragma once

#include "statesync/base/span.h"

enum { SECRET_MAX = 68 };

struct secret {
    uint8_t len;
    uint8_t data[SECRET_MAX];
};

/* E_LIMIT when s is longer than SECRET_MAX; *ret is untouched then. */
MUST_USE enum err secret_set(struct secret *ret, struct span s);

void secret_wipe(struct secret *s);

/* Any memory that held a secret (a DH result, a plaintext). */
void wipe(void *p, size_t len);

/* Constant time in the content; lengths are public. */
bool secret_eq(const struct secret *a, const struct secret *b);
bool ct_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* Borrow the octets for a crypto or sealing call. The name is long so that uses stand out in
 * review. */
static inline struct span secret_expose(const struct secret *s)
{
    return (struct span){ s->data, s->len };
}
