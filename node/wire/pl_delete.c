#include "node/wire/pl_delete.h"

enum { ESP_SPI_LEN = 4 };

static enum err sizes(uint8_t protocol, uint8_t spi_len, uint16_t count)
{
    switch (protocol) {
    case PROTO_IKE:
        return spi_len == 0 && count == 0 ? OK : E_BAD_LENGTH;
    case PROTO_AH:
    case PROTO_ESP:
        if (spi_len != ESP_SPI_LEN)
            return E_BAD_LENGTH;
        return count > LIMIT_DELETE_SPIS ? E_LIMIT : OK;
    default:
        return E_BAD_VALUE;
    }
}

/* RFC 7296 3.11: protocol, SPI size, number of SPIs, SPIs. */
enum err pl_delete_parse(struct rd body, struct pl_delete *ret)
{
    struct pl_delete d;
    uint8_t spi_len;
    uint16_t count;

    TRY(rd_u8(&body, &d.protocol));
    TRY(rd_u8(&body, &spi_len));
    TRY(rd_u16(&body, &count));
    TRY(sizes(d.protocol, spi_len, count));
    for (d.n = 0; d.n < count; d.n++)
        TRY(rd_u32(&body, &d.spi[d.n]));
    TRY(rd_end(&body));
    *ret = d;
    return OK;
}

void pl_delete_write(struct wr *w, const struct pl_delete *d)
{
    wr_u8(w, d->protocol);
    wr_u8(w, d->protocol == PROTO_IKE ? 0 : ESP_SPI_LEN);
    wr_u16(w, (uint16_t)d->n);
    for (size_t i = 0; i < d->n; i++)
        wr_u32(w, d->spi[i]);
}
