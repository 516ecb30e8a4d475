#include "node/wire/pl_id.h"

static bool length_fits(uint8_t type, size_t len)
{
    switch (type) {
    case ID_IPV4_ADDR:
        return len == 4;
    case ID_IPV6_ADDR:
        return len == 16;
    case ID_NULL:
        /* RFC 7619 2.2: the identification data is absent. */
        return len == 0;
    default:
        return len > 0;
    }
}

/* RFC 7296 3.5: type, three reserved octets, data. */
enum err pl_id_parse(struct rd body, struct pl_id *ret)
{
    struct pl_id id;

    TRY(rd_u8(&body, &id.type));
    TRY(rd_skip(&body, 3));
    id.data = rd_rest(&body);
    TRY(rd_end(&body));
    if (!length_fits(id.type, id.data.len))
        return E_BAD_LENGTH;
    *ret = id;
    return OK;
}

void pl_id_write(struct wr *w, const struct pl_id *id)
{
    wr_u8(w, id->type);
    wr_zero(w, 3);
    wr_bytes(w, id->data);
}
