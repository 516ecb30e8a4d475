#include "node/wire/pl_cp.h"

enum { CP_RESERVED_BIT = 0x8000 };

/* RFC 7296 3.15.1, the table of lengths. Zero octets is right for every attribute: a request for
 * any value. */
static bool length_fits(uint16_t type, size_t len)
{
    if (len == 0)
        return true;
    switch (type) {
    case INTERNAL_IP4_ADDRESS:
    case INTERNAL_IP4_NETMASK:
    case INTERNAL_IP4_DNS:
    case INTERNAL_IP4_NBNS:
    case INTERNAL_IP4_DHCP:
        return len == 4;
    case INTERNAL_IP4_SUBNET:
        return len == 8;
    case INTERNAL_IP6_ADDRESS:
    case INTERNAL_IP6_SUBNET:
        return len == 17;
    case INTERNAL_IP6_DNS:
    case INTERNAL_IP6_DHCP:
        return len == 16;
    case SUPPORTED_ATTRIBUTES:
        return len % 2 == 0;
    default:
        return true;
    }
}

static enum err attribute(struct rd *r, struct cp_attr *ret)
{
    uint16_t type, len;

    TRY(rd_u16(r, &type));
    TRY(rd_u16(r, &len));
    TRY(rd_span(r, len, &ret->value));
    ret->type = type & (uint16_t)~CP_RESERVED_BIT;
    return length_fits(ret->type, len) ? OK : E_BAD_LENGTH;
}

/* RFC 7296 3.15: type, three reserved octets, attributes. */
enum err pl_cp_parse(struct rd body, struct pl_cp *ret)
{
    struct pl_cp cp;

    cp.n = 0;
    TRY(rd_u8(&body, &cp.type));
    TRY(rd_skip(&body, 3));
    while (rd_left(&body) > 0) {
        if (cp.n == LIMIT_CP_ATTRS)
            return E_LIMIT;
        TRY(attribute(&body, &cp.a[cp.n]));
        cp.n++;
    }
    TRY(rd_end(&body));
    *ret = cp;
    return OK;
}

void pl_cp_write_type(struct wr *w, uint8_t type)
{
    wr_u8(w, type);
    wr_zero(w, 3);
}

void pl_cp_write_attr(struct wr *w, uint16_t type, struct span value)
{
    if (value.len > UINT16_MAX) {
        w->failed = true;
        return;
    }
    wr_u16(w, type);
    wr_u16(w, (uint16_t)value.len);
    wr_bytes(w, value);
}

void pl_cp_write_ip(struct wr *w, uint16_t type, const struct ip_addr *a, uint8_t prefix_bits)
{
    struct span s = ip_span(a);
    uint32_t mask;

    wr_u16(w, type);
    switch (type) {
    case INTERNAL_IP4_SUBNET:
        mask = prefix_bits == 0 ? 0 : UINT32_MAX << (prefix_bits >= 32 ? 0 : 32 - prefix_bits);
        wr_u16(w, (uint16_t)(s.len + 4));
        wr_bytes(w, s);
        wr_u32(w, mask);
        break;
    case INTERNAL_IP6_ADDRESS:
    case INTERNAL_IP6_SUBNET:
        wr_u16(w, (uint16_t)(s.len + 1));
        wr_bytes(w, s);
        wr_u8(w, prefix_bits);
        break;
    default:
        wr_u16(w, (uint16_t)s.len);
        wr_bytes(w, s);
    }
}

void pl_cp_write(struct wr *w, const struct pl_cp *cp)
{
    pl_cp_write_type(w, cp->type);
    for (size_t i = 0; i < cp->n; i++)
        pl_cp_write_attr(w, cp->a[i].type, cp->a[i].value);
}

/* A mask of ones followed by zeros, as a length. */
static enum err mask_bits(struct rd *r, uint8_t *ret)
{
    uint32_t mask;
    uint8_t bits = 0;

    TRY(rd_u32(r, &mask));
    while (bits < 32 && mask >> (31 - bits) & 1)
        bits++;
    if (bits < 32 && mask << bits != 0)
        return E_BAD_VALUE;
    *ret = bits;
    return OK;
}

enum err cp_attr_ip(const struct cp_attr *a, struct ip_addr *ret, uint8_t *ret_bits)
{
    struct rd r = rd_of(a->value);
    struct ip_addr ip;
    uint8_t bits;
    size_t len;

    switch (a->type) {
    case INTERNAL_IP4_ADDRESS:
    case INTERNAL_IP4_NETMASK:
    case INTERNAL_IP4_DNS:
    case INTERNAL_IP4_NBNS:
    case INTERNAL_IP4_DHCP:
    case INTERNAL_IP4_SUBNET:
        len = 4;
        break;
    case INTERNAL_IP6_ADDRESS:
    case INTERNAL_IP6_SUBNET:
    case INTERNAL_IP6_DNS:
    case INTERNAL_IP6_DHCP:
        len = 16;
        break;
    default:
        return E_BAD_VALUE;
    }
    struct span s;

    if (rd_span(&r, len, &s) != OK)
        return E_BAD_LENGTH;
    TRY(ip_from_span(s, &ip));
    bits = (uint8_t)(len * 8);
    if (a->type == INTERNAL_IP4_SUBNET)
        TRY(mask_bits(&r, &bits));
    else if (a->type == INTERNAL_IP6_ADDRESS || a->type == INTERNAL_IP6_SUBNET)
        TRY(rd_u8(&r, &bits));
    TRY(rd_end(&r));
    if (bits > len * 8)
        return E_BAD_VALUE;
    *ret = ip;
    *ret_bits = bits;
    return OK;
}

const struct cp_attr *cp_nth(const struct pl_cp *cp, uint16_t type, size_t nth)
{
    for (size_t i = 0; i < cp->n; i++)
        if (cp->a[i].type == type && nth-- == 0)
            return &cp->a[i];
    return NULL;
}
