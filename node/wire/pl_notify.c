#include "node/wire/pl_notify.h"

/* RFC 7296 3.10: protocol, SPI size, type, SPI, data. */
enum err pl_notify_parse(struct rd body, struct pl_notify *ret)
{
    struct pl_notify n;
    uint8_t spi_len;

    TRY(rd_u8(&body, &n.protocol));
    TRY(rd_u8(&body, &spi_len));
    TRY(rd_u16(&body, &n.type));
    TRY(rd_span(&body, spi_len, &n.spi));
    n.data = rd_rest(&body);
    TRY(rd_end(&body));
    *ret = n;
    return OK;
}

void pl_notify_write(struct wr *w, const struct pl_notify *n)
{
    if (n->spi.len > UINT8_MAX) {
        w->failed = true;
        return;
    }
    wr_u8(w, n->protocol);
    wr_u8(w, (uint8_t)n->spi.len);
    wr_u16(w, n->type);
    wr_bytes(w, n->spi);
    wr_bytes(w, n->data);
}

enum err pl_notify_check(const struct payload_list *l)
{
    struct pl_notify n;

    for (size_t i = 0; i < l->n; i++)
        if (l->p[i].type == PL_NOTIFY)
            TRY(pl_notify_parse(rd_of(l->p[i].body), &n));
    return OK;
}

bool notify_find(const struct payload_list *l, uint16_t type, size_t nth, struct pl_notify *ret)
{
    struct pl_notify n;

    for (size_t i = 0; i < l->n; i++) {
        if (l->p[i].type != PL_NOTIFY || pl_notify_parse(rd_of(l->p[i].body), &n) != OK)
            continue;
        if (n.type == type && nth-- == 0) {
            *ret = n;
            return true;
        }
    }
    return false;
}

bool notify_has(const struct payload_list *l, uint16_t type)
{
    struct pl_notify n;

    return notify_find(l, type, 0, &n);
}

bool notify_find_error(const struct payload_list *l, struct pl_notify *ret)
{
    struct pl_notify n;

    for (size_t i = 0; i < l->n; i++) {
        if (l->p[i].type != PL_NOTIFY || pl_notify_parse(rd_of(l->p[i].body), &n) != OK)
            continue;
        if (notify_is_error(n.type)) {
            *ret = n;
            return true;
        }
    }
    return false;
}

enum err notify_spi32(const struct pl_notify *n, uint32_t *ret)
{
    struct rd r = rd_of(n->spi);
    uint32_t spi;

    if (n->spi.len != 4)
        return E_BAD_LENGTH;
    TRY(rd_u32(&r, &spi));
    *ret = spi;
    return OK;
}

enum err notify_ke_group(const struct pl_notify *n, uint16_t *ret)
{
    struct rd r = rd_of(n->data);
    uint16_t group;

    if (n->data.len != 2)
        return E_BAD_LENGTH;
    TRY(rd_u16(&r, &group));
    *ret = group;
    return OK;
}

enum err notify_sig_hashes(const struct pl_notify *n, uint32_t *ret)
{
    struct rd r = rd_of(n->data);
    uint32_t set = 0;
    uint16_t hash;

    if (n->data.len == 0 || n->data.len % 2 != 0)
        return E_BAD_LENGTH;
    while (rd_left(&r) > 0) {
        TRY(rd_u16(&r, &hash));
        if (hash < 32)
            set |= (uint32_t)1 << hash;
    }
    *ret = set;
    return OK;
}

void notify_sig_hashes_write(struct wr *w, uint32_t hashes)
{
    for (uint16_t n = 1; n < 32; n++)
        if (hashes >> n & 1)
            wr_u16(w, n);
}

/* RFC 5685 7: type and length of the gateway identity, the identity, then the initiator's nonce
 * (absent in IKE_AUTH and INFORMATIONAL). */
enum err notify_redirect_parse(struct span data, struct notify_redirect *ret)
{
    struct notify_redirect d;
    struct rd r = rd_of(data);
    uint8_t len;

    TRY(rd_u8(&r, &d.gw_type));
    TRY(rd_u8(&r, &len));
    TRY(rd_span(&r, len, &d.gw));
    d.nonce = rd_rest(&r);
    TRY(rd_end(&r));
    if ((d.gw_type == GW_IPV4 && len != 4) || (d.gw_type == GW_IPV6 && len != 16) || len == 0)
        return E_BAD_LENGTH;
    *ret = d;
    return OK;
}

enum err notify_mid_sync_parse(struct span data, struct notify_mid_sync *ret)
{
    struct notify_mid_sync s;
    struct rd r = rd_of(data);

    TRY(rd_u32(&r, &s.nonce));
    TRY(rd_u32(&r, &s.send_next));
    TRY(rd_u32(&r, &s.recv_next));
    TRY(rd_end(&r));
    *ret = s;
    return OK;
}

void notify_mid_sync_write(struct wr *w, const struct notify_mid_sync *s)
{
    wr_u32(w, s->nonce);
    wr_u32(w, s->send_next);
    wr_u32(w, s->recv_next);
}
