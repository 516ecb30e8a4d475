#include "statesync/record/store_key.h"

#include <inttypes.h>
#include <stdio.h>

struct span store_key_record(uint8_t pop, uint16_t slot, uint64_t id, char out[STORE_KEY_MAX])
{
    int n = snprintf(out, STORE_KEY_MAX, "ikestra:{%u:%u}:r:%016" PRIx64, (unsigned)pop,
                     (unsigned)slot, id);

    return span_of(out, (size_t)n);
}

struct span store_key_named(uint8_t pop, const char *name, char out[STORE_KEY_MAX])
{
    int n = snprintf(out, STORE_KEY_MAX, "ikestra:{%u}:n:%.63s", (unsigned)pop, name);

    return span_of(out, (size_t)n);
}
