#include "node/wire/pl_eap.h"

enum { EAP_HEADER = 4 };

/* RFC 3748 4: code, identifier, length of the whole packet; Request and Response have a type. */
enum err pl_eap_parse(struct rd body, struct pl_eap *ret)
{
    struct pl_eap e = { 0 };
    struct rd whole = body;
    uint16_t len;

    e.packet = rd_rest(&whole);
    TRY(rd_u8(&body, &e.code));
    TRY(rd_u8(&body, &e.id));
    TRY(rd_u16(&body, &len));
    if (len != e.packet.len)
        return E_BAD_LENGTH;
    switch (e.code) {
    case EAP_REQUEST:
    case EAP_RESPONSE:
        TRY(rd_u8(&body, &e.type));
        e.data = rd_rest(&body);
        break;
    case EAP_SUCCESS:
    case EAP_FAILURE:
        break;
    default:
        return E_BAD_VALUE;
    }
    TRY(rd_end(&body));
    *ret = e;
    return OK;
}

void pl_eap_write(struct wr *w, const struct pl_eap *e)
{
    bool typed = e->code == EAP_REQUEST || e->code == EAP_RESPONSE;
    size_t len = EAP_HEADER + (typed ? 1 + e->data.len : 0);

    if (len > UINT16_MAX) {
        w->failed = true;
        return;
    }
    wr_u8(w, e->code);
    wr_u8(w, e->id);
    wr_u16(w, (uint16_t)len);
    if (typed) {
        wr_u8(w, e->type);
        wr_bytes(w, e->data);
    }
}
