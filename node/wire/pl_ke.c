#include "node/wire/pl_ke.h"

/* RFC 7296 3.4: group number, two reserved octets, then the public value. */
enum err pl_ke_parse(struct rd body, struct pl_ke *ret)
{
    struct pl_ke ke;
    uint16_t reserved;

    TRY(rd_u16(&body, &ke.group));
    TRY(rd_u16(&body, &reserved)); /* ignored on receipt */
    ke.data = rd_rest(&body);
    TRY(rd_end(&body));
    if (ke.data.len == 0)
        return E_BAD_LENGTH;
    *ret = ke;
    return OK;
}

void pl_ke_write(struct wr *w, const struct pl_ke *ke)
{
    wr_u16(w, ke->group);
    wr_u16(w, 0);
    wr_bytes(w, ke->data);
}
