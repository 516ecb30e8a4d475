/* peer_body: bodies of the cluster datagrams that carry packets and slots.
 * docs/formats/cluster-datagram.md */
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "statesync/seal/peer_seal.h"

enum { FLAG_ENCAP = 1 };

/* family:8 (0, 4, 6) | address | port:16; nothing after a family of 0. */
static void write_endpoint(struct wr *w, const struct endpoint *e)
{
    wr_u8(w, e->addr.family);
    if (e->addr.family == 0)
        return;
    wr_bytes(w, ip_span(&e->addr));
    wr_u16(w, e->port);
}

static enum err read_endpoint(struct rd *r, struct endpoint *ret)
{
    struct endpoint e = { 0 };
    struct span ip;
    uint8_t family;

    TRY(rd_u8(r, &family));
    if (family != 0) {
        if (family != 4 && family != 6)
            return E_BAD_VALUE;
        TRY(rd_span(r, family == 4 ? 4 : 16, &ip));
        TRY(ip_from_span(ip, &e.addr));
        TRY(rd_u16(r, &e.port));
    }
    *ret = e;
    return OK;
}

enum err peer_packet_encode(const struct peer_packet *p, uint8_t *out, size_t cap, size_t *ret_len)
{
    struct wr w = wr_of(out, cap);

    wr_u8(&w, p->encap ? FLAG_ENCAP : 0);
    write_endpoint(&w, &p->local);
    write_endpoint(&w, &p->remote);
    wr_bytes(&w, p->packet);
    TRY(wr_ok(&w));
    *ret_len = w.len;
    return OK;
}

enum err peer_packet_decode(struct span body, struct peer_packet *ret)
{
    struct rd r = rd_of(body);
    struct peer_packet p;
    uint8_t flags;

    TRY(rd_u8(&r, &flags));
    if ((flags & ~FLAG_ENCAP) != 0)
        return E_BAD_VALUE;
    p.encap = (flags & FLAG_ENCAP) != 0;
    TRY(read_endpoint(&r, &p.local));
    TRY(read_endpoint(&r, &p.remote));
    if (rd_left(&r) == 0)
        return E_TRUNCATED;
    p.packet = rd_rest(&r);
    *ret = p;
    return OK;
}

enum err peer_slots_encode(const uint16_t *slots, size_t n, uint8_t *out, size_t cap,
                           size_t *ret_len)
{
    struct wr w = wr_of(out, cap);

    if (n == 0 || n > LIMIT_SLOTS)
        return E_LIMIT;
    wr_u16(&w, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        wr_u16(&w, slots[i]);
    TRY(wr_ok(&w));
    *ret_len = w.len;
    return OK;
}

enum err peer_slots_decode(struct span body, struct peer_slots *ret)
{
    struct rd r = rd_of(body);
    struct peer_slots s;

    TRY(rd_u16(&r, &s.n));
    if (s.n == 0 || s.n > LIMIT_SLOTS)
        return E_LIMIT;
    for (size_t i = 0; i < s.n; i++) {
        TRY(rd_u16(&r, &s.slots[i]));
        if (s.slots[i] >= LIMIT_SLOTS)
            return E_BAD_VALUE;
    }
    TRY(rd_end(&r));
    *ret = s;
    return OK;
}
