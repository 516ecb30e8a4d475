/* keymat: cuts prf+ output into keys. RFC 7296 2.13, 2.14, 2.17, 2.18. See keymat.h. */
#include "node/sa/keymat.h"

#include "node/crypto/prf.h"
#include "statesync/base/limits.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

enum { KEYMAT_MAX = 7 * SECRET_MAX };

/* The next len octets of the stream as a secret; len comes from the suite tables and fits. */
static enum err take(struct rd *r, size_t len, struct secret *ret)
{
    struct span s;

    TRY(rd_span(r, len, &s));
    return secret_set(ret, s);
}

/* RFC 7296 2.14: "{SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+ (SKEYSEED,
 * Ni | Nr | SPIi | SPIr)" */
static enum err ike_keys_cut(const struct ike_suite *suite, struct span skeyseed, struct span ni,
                             struct span nr, uint64_t spi_i, uint64_t spi_r,
                             struct ike_keys *ret_keys)
{
    const struct encr_info *encr = encr_info(suite->encr, suite->encr_key_bits);
    const struct integ_info *integ = integ_info(suite->integ);
    size_t e_len = (size_t)encr->key_len + encr->salt_len;
    size_t a_len = integ == NULL ? 0 : integ->key_len;
    size_t p_len = prf_info(suite->prf)->key_len;
    size_t total = 3 * p_len + 2 * a_len + 2 * e_len;
    uint8_t stream[KEYMAT_MAX], spis[16];
    struct wr w = wr_of(spis, sizeof spis);
    struct span seed[] = { ni, nr, span_of(spis, sizeof spis) };
    struct ike_keys k = { 0 };
    struct rd r = rd_of(span_of(stream, total));
    enum err e;

    wr_u64(&w, spi_i);
    wr_u64(&w, spi_r);
    e = prf_plus(suite->prf, skeyseed, seed, 3, stream, total);
    if (e != OK)
        goto out;
    if (take(&r, p_len, &k.sk_d) != OK || take(&r, a_len, &k.sk_ai) != OK ||
        take(&r, a_len, &k.sk_ar) != OK || take(&r, e_len, &k.sk_ei) != OK ||
        take(&r, e_len, &k.sk_er) != OK || take(&r, p_len, &k.sk_pi) != OK ||
        take(&r, p_len, &k.sk_pr) != OK || rd_end(&r) != OK)
        e = E_CRYPTO;
    else
        *ret_keys = k;
out:
    wipe(stream, sizeof stream);
    ike_keys_wipe(&k);
    return e;
}

enum err keymat_ike(const struct ike_suite *suite, const struct dh_shared *shared, struct span ni,
                    struct span nr, uint64_t spi_i, uint64_t spi_r, struct ike_keys *ret_keys)
{
    uint8_t key[2 * LIMIT_NONCE_MAX], skeyseed[SUITE_PRF_MAX];
    struct span g = span_of(shared->data, shared->len);
    struct wr w = wr_of(key, sizeof key);
    enum err e;

    TRY(ike_suite_check(suite));
    wr_bytes(&w, ni);
    wr_bytes(&w, nr);
    TRY(wr_ok(&w));
    e = prf(suite->prf, wr_span(&w), &g, 1, skeyseed);
    if (e == OK)
        e = ike_keys_cut(suite, span_of(skeyseed, prf_info(suite->prf)->len), ni, nr, spi_i, spi_r,
                         ret_keys);
    wipe(skeyseed, sizeof skeyseed);
    return e;
}

enum err keymat_ike_rekey(uint16_t old_prf, const struct secret *old_sk_d,
                          const struct ike_suite *suite, const struct dh_shared *shared,
                          struct span ni, struct span nr, uint64_t spi_i, uint64_t spi_r,
                          struct ike_keys *ret_keys)
{
    struct span parts[] = { span_of(shared->data, shared->len), ni, nr };
    uint8_t skeyseed[SUITE_PRF_MAX];
    enum err e;

    TRY(ike_suite_check(suite));
    if (prf_info(old_prf) == NULL)
        return E_UNSUPPORTED;
    /* RFC 7296 2.18: the old SA's PRF gives SKEYSEED, the new SA's PRF the keys from it. */
    e = prf(old_prf, secret_expose(old_sk_d), parts, 3, skeyseed);
    if (e == OK)
        e = ike_keys_cut(suite, span_of(skeyseed, prf_info(old_prf)->len), ni, nr, spi_i, spi_r,
                         ret_keys);
    wipe(skeyseed, sizeof skeyseed);
    return e;
}

enum err keymat_child(uint16_t prf_id, const struct secret *sk_d, const struct dh_shared *shared,
                      struct span ni, struct span nr, const struct esp_suite *suite,
                      struct child_keys *ret_keys)
{
    const struct encr_info *encr = encr_info(suite->encr, suite->encr_key_bits);
    const struct integ_info *integ = integ_info(suite->integ);
    struct span g = shared == NULL ? SPAN_NONE : span_of(shared->data, shared->len);
    struct span seed[] = { g, ni, nr };
    uint8_t stream[KEYMAT_MAX];
    struct child_keys k = { 0 };
    size_t e_len, a_len;
    struct rd r;
    enum err e;

    TRY(esp_suite_check(suite));
    e_len = (size_t)encr->key_len + encr->salt_len;
    a_len = integ == NULL ? 0 : integ->key_len;
    r = rd_of(span_of(stream, 2 * (e_len + a_len)));
    e = prf_plus(prf_id, secret_expose(sk_d), seed, 3, stream, 2 * (e_len + a_len));
    if (e != OK)
        goto out;
    /* RFC 7296 2.17: all keys from initiator to responder first; per direction "the encryption key
     * MUST be taken from the first bits and the integrity key ... from the remaining bits". */
    if (take(&r, e_len, &k.encr_i) != OK || take(&r, a_len, &k.integ_i) != OK ||
        take(&r, e_len, &k.encr_r) != OK || take(&r, a_len, &k.integ_r) != OK || rd_end(&r) != OK)
        e = E_CRYPTO;
    else
        *ret_keys = k;
out:
    wipe(stream, sizeof stream);
    child_keys_wipe(&k);
    return e;
}

void ike_keys_wipe(struct ike_keys *k)
{
    wipe(k, sizeof *k);
}

void child_keys_wipe(struct child_keys *k)
{
    wipe(k, sizeof *k);
}
