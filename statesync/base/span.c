#include "statesync/base/span.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct span span_str(const char *s)
{
    return span_of(s, strlen(s));
}

bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

enum err bytes_copy(struct span s, struct bytes *ret_b)
{
    uint8_t *p = NULL;

    if (s.len > 0) {
        p = malloc(s.len);
        if (p == NULL)
            return E_NOMEM;
        memcpy(p, s.p, s.len);
    }
    *ret_b = (struct bytes){ p, s.len };
    return OK;
}

void bytes_free(struct bytes *b)
{
    free(b->p);
    *b = (struct bytes){ NULL, 0 };
}

void bytes_wipe_free(struct bytes *b)
{
    if (b->p != NULL)
        OPENSSL_cleanse(b->p, b->len);
    bytes_free(b);
}
