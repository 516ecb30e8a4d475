#include "statesync/base/secret.h"

#include <openssl/crypto.h>
#include <string.h>

enum err secret_set(struct secret *ret, struct span s)
{
    if (s.len > SECRET_MAX)
        return E_LIMIT;
    secret_wipe(ret);
    ret->len = (uint8_t)s.len;
    if (s.len > 0)
        memcpy(ret->data, s.p, s.len);
    return OK;
}

void secret_wipe(struct secret *s)
{
    OPENSSL_cleanse(s, sizeof *s);
}

void wipe(void *p, size_t len)
{
    if (p != NULL)
        OPENSSL_cleanse(p, len);
}

bool ct_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

bool secret_eq(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && ct_equal(a->data, b->data, a->len);
}
