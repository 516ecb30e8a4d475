#include "node/wire/ike_header.h"

enum err ike_header_parse(struct rd *m, struct ike_header *ret)
{
    struct ike_header h;
    struct rd r = *m;
    uint8_t version;

    TRY(rd_u64(&r, &h.spi_i));
    TRY(rd_u64(&r, &h.spi_r));
    TRY(rd_u8(&r, &h.next_payload));
    TRY(rd_u8(&r, &version));
    TRY(rd_u8(&r, &h.exchange));
    TRY(rd_u8(&r, &h.flags));
    TRY(rd_u32(&r, &h.msgid));
    TRY(rd_u32(&r, &h.length));
    h.major = version >> 4;
    h.minor = version & 0x0f;
    if (h.length != rd_left(m))
        return E_BAD_LENGTH;
    *ret = h;
    /* RFC 7296 2.5: "If an endpoint receives a message with a higher major version number, it MUST
     * drop the message". The minor version is ignored. */
    if (h.major != 2)
        return E_BAD_VERSION;
    *m = r;
    return OK;
}

void ike_header_write(struct wr *w, const struct ike_header *h)
{
    wr_u64(w, h->spi_i);
    wr_u64(w, h->spi_r);
    wr_u8(w, h->next_payload);
    wr_u8(w, (uint8_t)(h->major << 4 | (h->minor & 0x0f)));
    wr_u8(w, h->exchange);
    wr_u8(w, h->flags);
    wr_u32(w, h->msgid);
    wr_u32(w, h->length);
}

struct ike_header ike_header_make(uint64_t spi_i, uint64_t spi_r, uint8_t exchange,
                                  bool we_are_initiator, bool response, uint32_t msgid)
{
    return (struct ike_header){
        .spi_i = spi_i,
        .spi_r = spi_r,
        .major = 2,
        .exchange = exchange,
        .flags = (uint8_t)((we_are_initiator ? IKE_FLAG_INITIATOR : 0) |
                           (response ? IKE_FLAG_RESPONSE : 0)),
        .msgid = msgid,
    };
}
