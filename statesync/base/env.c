#include "statesync/base/env.h"

#include <openssl/rand.h>
#include <stdlib.h>

uint64_t env_uniform(const struct env *e, uint64_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t v;

    do {
        env_random(e, (uint8_t *)&v, sizeof v);
    } while (v >= limit);
    return v % bound;
}

void env_os_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    if (RAND_bytes(out, (int)len) != 1)
        abort();
}
