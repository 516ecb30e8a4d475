#include "node/exchange/collision.h"

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

/* Form of r.ext: this tag, kind, SPI, nonce. */
enum { EXT_COLLISION = 1, FIXED = 1 + 1 + 8 };

enum err collision_keep(struct session_record *r, uint8_t kind, uint64_t spi, struct span lowest)
{
    uint8_t buf[FIXED + LIMIT_NONCE_MAX];
    struct wr w = wr_of(buf, sizeof buf);
    struct bytes copy;

    wr_u8(&w, EXT_COLLISION);
    wr_u8(&w, kind);
    wr_u64(&w, spi);
    wr_bytes(&w, lowest);
    TRY(wr_ok(&w));
    TRY(bytes_copy(wr_span(&w), &copy));
    bytes_wipe_free(&r->ext);
    r->ext = copy;
    return OK;
}

bool collision_get(const struct session_record *r, uint8_t kind, struct collision *ret)
{
    struct rd in = rd_of(span_bytes(r->ext));
    uint8_t tag, of;
    uint64_t spi;

    if (rd_u8(&in, &tag) != OK || tag != EXT_COLLISION || rd_u8(&in, &of) != OK || of != kind ||
        rd_u64(&in, &spi) != OK)
        return false;
    *ret = (struct collision){ spi, rd_rest(&in) };
    return true;
}

void collision_clear(struct session_record *r)
{
    if (r->ext.len > 0 && r->ext.p[0] == EXT_COLLISION)
        bytes_wipe_free(&r->ext);
}

int nonce_cmp(struct span a, struct span b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++)
        if (a.p[i] != b.p[i])
            return a.p[i] < b.p[i] ? -1 : 1;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

struct span nonce_lower(struct span a, struct span b)
{
    return nonce_cmp(a, b) <= 0 ? a : b;
}
