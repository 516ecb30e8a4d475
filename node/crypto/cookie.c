/* cookie: stateless proof that an initiator receives at its address. RFC 7296 2.6. See cookie.h. */
#include "node/crypto/cookie.h"

#include "node/crypto/prf.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

enum { MAC_LEN = 32, SLOT_LEN = 4 };

static const char label[] = "ikestra cookie 1";

static enum err mac(const struct secret *cluster_key, uint32_t slot, struct span ni,
                    const struct ip_addr *from, uint64_t spi_i, uint8_t out[SUITE_PRF_MAX])
{
    uint8_t key[SUITE_PRF_MAX], slot_octets[SLOT_LEN], tail[1 + 8];
    struct wr ws = wr_of(slot_octets, sizeof slot_octets);
    struct wr wt = wr_of(tail, sizeof tail);
    struct span slot_span = span_of(slot_octets, sizeof slot_octets);
    struct span derive[] = { span_str(label), slot_span };
    struct span parts[] = { slot_span, span_of(tail, sizeof tail), ip_span(from), ni };
    enum err e;

    wr_u32(&ws, slot);
    /* The lengths of address and SPI are fixed by the family in front; the nonce ends the input. */
    wr_u8(&wt, from->family);
    wr_u64(&wt, spi_i);
    e = prf(ALG_PRF_HMAC_SHA2_256, secret_expose(cluster_key), derive, 2, key);
    if (e == OK)
        e = prf(ALG_PRF_HMAC_SHA2_256, span_of(key, MAC_LEN), parts, 4, out);
    wipe(key, sizeof key);
    return e;
}

static uint32_t slot_of(uint64_t wall_s)
{
    return (uint32_t)(wall_s / COOKIE_SLOT_S);
}

enum err cookie_make(const struct secret *cluster_key, uint64_t wall_s, struct span ni,
                     const struct ip_addr *from, uint64_t spi_i, uint8_t ret_cookie[COOKIE_LEN])
{
    uint32_t slot = slot_of(wall_s);
    uint8_t out[SUITE_PRF_MAX];
    struct wr w = wr_of(ret_cookie, COOKIE_LEN);

    TRY(mac(cluster_key, slot, ni, from, spi_i, out));
    wr_u32(&w, slot);
    wr_bytes(&w, span_of(out, MAC_LEN));
    return wr_ok(&w);
}

enum err cookie_check(const struct secret *cluster_key, uint64_t wall_s, struct span ni,
                      const struct ip_addr *from, uint64_t spi_i, struct span cookie)
{
    uint32_t now = slot_of(wall_s);
    struct rd r = rd_of(cookie);
    uint8_t out[SUITE_PRF_MAX];
    struct span theirs;
    uint32_t slot;

    if (rd_u32(&r, &slot) != OK || rd_span(&r, MAC_LEN, &theirs) != OK || rd_end(&r) != OK)
        return E_INTEGRITY;
    /* Modulo 2^32: current, previous, next. */
    if ((uint32_t)(slot + 1 - now) > 2)
        return E_INTEGRITY;
    TRY(mac(cluster_key, slot, ni, from, spi_i, out));
    return ct_equal(out, theirs.p, MAC_LEN) ? OK : E_INTEGRITY;
}
