/* payload_chain: walks the next-payload chain. See the header.
 *
 * Each step consumes at least the four octets of a generic header and the loop ends at
 * LIMIT_PAYLOADS, so the work is bounded by both the message and the limit. */
#include "node/wire/payload_chain.h"

static const uint64_t known = PL_BIT(PL_SA) | PL_BIT(PL_KE) | PL_BIT(PL_IDI) | PL_BIT(PL_IDR) |
                              PL_BIT(PL_CERT) | PL_BIT(PL_CERTREQ) | PL_BIT(PL_AUTH) |
                              PL_BIT(PL_NONCE) | PL_BIT(PL_NOTIFY) | PL_BIT(PL_DELETE) |
                              PL_BIT(PL_VENDOR) | PL_BIT(PL_TSI) | PL_BIT(PL_TSR) | PL_BIT(PL_SK) |
                              PL_BIT(PL_CP) | PL_BIT(PL_EAP) | PL_BIT(PL_SKF);

enum { GENERIC_HEADER = 4, CRITICAL_BIT = 0x80 };

bool payload_known(uint8_t type)
{
    return (known & PL_BIT(type)) != 0;
}

static bool encrypted(uint8_t type)
{
    return type == PL_SK || type == PL_SKF;
}

/* RFC 7296 3.2: next payload, critical bit and seven reserved bits, length with these four octets.
 */
static enum err one(struct rd *r, size_t chain_len, uint8_t *ret_next, struct payload *ret)
{
    uint8_t flags;
    uint16_t len;

    TRY(rd_u8(r, ret_next));
    TRY(rd_u8(r, &flags));
    TRY(rd_u16(r, &len));
    if (len < GENERIC_HEADER)
        return E_BAD_LENGTH;
    ret->offset = chain_len - rd_left(r);
    TRY(rd_span(r, len - GENERIC_HEADER, &ret->body));
    ret->critical = (flags & CRITICAL_BIT) != 0;
    return OK;
}

static enum err walk(uint8_t first, struct span chain, bool clear, struct payload_list *ret,
                     uint8_t *ret_critical)
{
    struct rd r = rd_of(chain);
    struct payload_list l;
    uint8_t type = first, next, refused = 0;
    size_t seen = 0;

    l.n = 0;
    l.set = 0;
    l.inner_first = 0;
    while (type != PL_NONE) {
        struct payload p = { .type = type };

        if (seen++ == LIMIT_PAYLOADS)
            return E_LIMIT;
        TRY(one(&r, chain.len, &next, &p));
        if (payload_known(type)) {
            l.p[l.n++] = p;
            l.set |= PL_BIT(type);
        } else if (p.critical && refused == 0) {
            refused = type;
        }
        if (encrypted(type)) {
            /* RFC 7296 3.14: "The Encrypted payload, if present in a message, MUST be the last
             * payload in the message." */
            if (!clear)
                return E_NOT_ALLOWED;
            l.inner_first = next;
            next = PL_NONE;
        }
        type = next;
    }
    TRY(rd_end(&r));
    /* RFC 7296 2.5: an unknown critical payload rejects the whole message. */
    if (refused != 0) {
        *ret_critical = refused;
        return E_CRITICAL_PAYLOAD;
    }
    *ret = l;
    return OK;
}

enum err payload_chain_clear(uint8_t first, struct span chain, struct payload_list *ret,
                             uint8_t *ret_critical)
{
    return walk(first, chain, true, ret, ret_critical);
}

enum err payload_chain_inner(uint8_t first, struct span chain, struct payload_list *ret,
                             uint8_t *ret_critical)
{
    return walk(first, chain, false, ret, ret_critical);
}

const struct payload *payload_nth(const struct payload_list *l, uint8_t type, size_t nth)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->p[i].type == type && nth-- == 0)
            return &l->p[i];
    return NULL;
}

size_t payload_count(const struct payload_list *l, uint8_t type)
{
    size_t count = 0;

    for (size_t i = 0; i < l->n; i++)
        count += l->p[i].type == type;
    return count;
}
