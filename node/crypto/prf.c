/* prf: HMAC-SHA2 as PRF and integrity algorithm, and prf+. RFC 7296 2.13, RFC 4868, RFC 2104. */
#include "node/crypto/prf.h"

#include "node/crypto/evp.h"
#include "statesync/base/secret.h"
#include "statesync/base/wr.h"

enum { PRF_PLUS_BLOCKS = 255 };

/* One HMAC. rekey false: again under the key of the call before, on this thread. */
static enum err hmac(enum evp_digest d, bool rekey, struct span key, const struct span *parts,
                     size_t n, uint8_t out[SUITE_PRF_MAX])
{
    static const uint8_t empty[1];
    struct evp_thread *t = evp_thread();
    EVP_MAC_CTX *c;
    size_t len = 0;

    if (t == NULL)
        return E_CRYPTO;
    c = t->hmac[d];
    /* To OpenSSL a NULL key means "the one before", so an empty key needs an address. */
    if (EVP_MAC_init(c,
                     !rekey        ? NULL
                     : key.len > 0 ? key.p
                                   : empty,
                     rekey ? key.len : 0, NULL) != 1)
        return E_CRYPTO;
    for (size_t i = 0; i < n; i++)
        if (parts[i].len > 0 && EVP_MAC_update(c, parts[i].p, parts[i].len) != 1)
            return E_CRYPTO;
    return EVP_MAC_final(c, out, &len, SUITE_PRF_MAX) == 1 ? OK : E_CRYPTO;
}

enum err prf(uint16_t prf_id, struct span key, const struct span *parts, size_t n, uint8_t *out)
{
    enum evp_digest d;

    if (!evp_digest_of_prf(prf_id, &d))
        return E_UNSUPPORTED;
    return hmac(d, true, key, parts, n, out);
}

enum err prf_plus(uint16_t prf_id, struct span key, const struct span *parts, size_t n,
                  uint8_t *out, size_t len)
{
    const struct prf_info *info = prf_info(prf_id);
    struct wr w = wr_of(out, len);
    uint8_t block[SUITE_PRF_MAX];
    struct span seq[6];
    enum evp_digest d;
    enum err e = OK;

    if (info == NULL || !evp_digest_of_prf(prf_id, &d))
        return E_UNSUPPORTED;
    if (len > (size_t)PRF_PLUS_BLOCKS * info->len || n > 4)
        return E_LIMIT;
    /* RFC 7296 2.13: "T1 = prf (K, S | 0x01), T2 = prf (K, T1 | S | 0x02)", and so on. */
    for (uint8_t count = 1; w.len < len && e == OK; count++) {
        size_t left = len - w.len;

        seq[0] = count == 1 ? SPAN_NONE : span_of(block, info->len);
        for (size_t i = 0; i < n; i++)
            seq[1 + i] = parts[i];
        seq[1 + n] = span_of(&count, 1);
        e = hmac(d, count == 1, key, seq, n + 2, block);
        if (e == OK)
            wr_bytes(&w, span_of(block, left < info->len ? left : info->len));
    }
    wipe(block, sizeof block);
    if (e != OK)
        wipe(out, len);
    return e;
}

enum err integ_mac(uint16_t integ, struct span key, const struct span *parts, size_t n,
                   uint8_t *out)
{
    const struct integ_info *info = integ_info(integ);
    struct wr w;
    uint8_t full[SUITE_PRF_MAX];
    enum evp_digest d;

    if (info == NULL || !evp_digest_of_integ(integ, &d))
        return E_UNSUPPORTED;
    TRY(hmac(d, true, key, parts, n, full));
    w = wr_of(out, info->trunc_len);
    wr_bytes(&w, span_of(full, info->trunc_len));
    return OK;
}
