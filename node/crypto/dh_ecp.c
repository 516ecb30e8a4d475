/* dh_ecp: Diffie-Hellman on P-256, P-384, P-521. RFC 5903: public value x | y, shared secret x.
 *
 * Straight on EC_POINT: the curve objects are made once, where EVP_PKEY would build and check a key
 * object per handshake. OpenSSL multiplies by a secret scalar in constant time. */
#include "node/crypto/dh_group.h"

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <pthread.h>

enum { CURVES = 3 };

static const struct {
    uint16_t group;
    uint16_t coord_len;
    int nid;
} curves[CURVES] = {
    { ALG_DH_ECP_256, 32, NID_X9_62_prime256v1 },
    { ALG_DH_ECP_384, 48, NID_secp384r1 },
    { ALG_DH_ECP_521, 66, NID_secp521r1 },
};

static EC_GROUP *curve_groups[CURVES];
static pthread_once_t curves_once = PTHREAD_ONCE_INIT;

static void curves_make(void)
{
    for (size_t i = 0; i < CURVES; i++)
        curve_groups[i] = EC_GROUP_new_by_curve_name(curves[i].nid);
}

static const EC_GROUP *curve(uint16_t group, size_t *ret_coord_len)
{
    pthread_once(&curves_once, curves_make);
    for (size_t i = 0; i < CURVES; i++)
        if (curves[i].group == group) {
            *ret_coord_len = curves[i].coord_len;
            return curve_groups[i];
        }
    return NULL;
}

size_t dh_ecp_private_len(uint16_t group)
{
    for (size_t i = 0; i < CURVES; i++)
        if (curves[i].group == group)
            return curves[i].coord_len;
    return 0;
}

/* The objects of one multiplication. */
struct work {
    BN_CTX *bn;
    BIGNUM *d, *x, *y;
    EC_POINT *p, *q;
};

static bool work_init(struct work *w, const EC_GROUP *g)
{
    *w = (struct work){ .bn = BN_CTX_new(),
                        .d = BN_new(),
                        .x = BN_new(),
                        .y = BN_new(),
                        .p = EC_POINT_new(g),
                        .q = EC_POINT_new(g) };
    return w->bn != NULL && w->d != NULL && w->x != NULL && w->y != NULL && w->p != NULL &&
           w->q != NULL;
}

static void work_done(struct work *w)
{
    EC_POINT_clear_free(w->q);
    EC_POINT_clear_free(w->p);
    BN_clear_free(w->y);
    BN_clear_free(w->x);
    BN_clear_free(w->d);
    BN_CTX_free(w->bn);
}

/* 1 <= d < n, in w->d. */
static enum err scalar_load(struct work *w, const EC_GROUP *g, struct span priv)
{
    if (BN_bin2bn(priv.p, (int)priv.len, w->d) == NULL)
        return E_CRYPTO;
    BN_set_flags(w->d, BN_FLG_CONSTTIME);
    if (BN_is_zero(w->d) || BN_cmp(w->d, EC_GROUP_get0_order(g)) >= 0)
        return E_BAD_VALUE;
    return OK;
}

enum err dh_ecp_public(uint16_t group, struct span priv, uint8_t *out)
{
    size_t len = 0;
    const EC_GROUP *g = curve(group, &len);
    struct work w;
    enum err e = E_CRYPTO;

    if (g == NULL)
        return E_CRYPTO;
    if (!work_init(&w, g))
        goto out;
    e = scalar_load(&w, g, priv);
    if (e != OK)
        goto out;
    e = E_CRYPTO;
    if (EC_POINT_mul(g, w.q, w.d, NULL, NULL, w.bn) == 1 &&
        EC_POINT_get_affine_coordinates(g, w.q, w.x, w.y, w.bn) == 1 &&
        BN_bn2binpad(w.x, out, (int)len) == (int)len &&
        BN_bn2binpad(w.y, out + len, (int)len) == (int)len)
        e = OK;
out:
    work_done(&w);
    return e;
}

enum err dh_ecp_shared(uint16_t group, struct span priv, struct span peer, uint8_t *out)
{
    size_t len = 0;
    const EC_GROUP *g = curve(group, &len);
    struct work w;
    enum err e = E_CRYPTO;

    if (g == NULL || peer.len != 2 * len)
        return E_CRYPTO;
    if (!work_init(&w, g))
        goto out;
    e = scalar_load(&w, g, priv);
    if (e != OK)
        goto out;
    e = E_CRYPTO;
    if (BN_bin2bn(peer.p, (int)len, w.x) == NULL || BN_bin2bn(peer.p + len, (int)len, w.y) == NULL)
        goto out;
    /* RFC 6989 2.3: "... check that the peer's public value is valid; ... that x and y are in
     * [0, p-1], and that y^2 = x^3 + ax + b." The setter does both; these curves have cofactor 1.
     */
    e = E_BAD_VALUE;
    if (EC_POINT_set_affine_coordinates(g, w.p, w.x, w.y, w.bn) != 1)
        goto out;
    e = E_CRYPTO;
    if (EC_POINT_mul(g, w.q, NULL, w.p, w.d, w.bn) == 1 && !EC_POINT_is_at_infinity(g, w.q) &&
        EC_POINT_get_affine_coordinates(g, w.q, w.x, NULL, w.bn) == 1 &&
        BN_bn2binpad(w.x, out, (int)len) == (int)len)
        e = OK;
out:
    work_done(&w);
    return e;
}
