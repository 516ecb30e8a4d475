#include "statesync/base/rd.h"

#include <string.h>

enum err rd_bytes(struct rd *r, uint8_t *out, size_t len)
{
    struct span s;

    TRY(rd_span(r, len, &s));
    if (len > 0)
        memcpy(out, s.p, len);
    return OK;
}
