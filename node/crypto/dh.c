/* dh: key pairs over all groups. See dh.h. The two Montgomery curves are here, through EVP; ECP and
 * MODP are in dh_ecp.c and dh_modp.c. */
#include "node/crypto/dh.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "node/crypto/dh_group.h"
#include "statesync/base/wr.h"

struct dh {
    uint16_t group;
    uint16_t public_len;
    struct secret priv;
    EVP_PKEY *pkey; /* Montgomery curves only */
    uint8_t pub[SUITE_DH_MAX];
};

/* A draw is refused with a chance of about 2^-32 at most (P-256): this many never are. */
enum { DRAWS = 128 };

static const char *montgomery(uint16_t group)
{
    return group == ALG_DH_CURVE25519 ? "X25519" : group == ALG_DH_CURVE448 ? "X448" : NULL;
}

static size_t private_len(uint16_t group)
{
    if (montgomery(group) != NULL)
        return dh_info(group)->public_len;
    if (dh_ecp_private_len(group) != 0)
        return dh_ecp_private_len(group);
    return dh_modp_private_len(group);
}

static enum err montgomery_public(struct dh *d)
{
    size_t len = d->public_len;

    d->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, montgomery(d->group), NULL, d->priv.data,
                                              d->priv.len);
    if (d->pkey == NULL || EVP_PKEY_get_raw_public_key(d->pkey, d->pub, &len) != 1 ||
        len != d->public_len)
        return E_CRYPTO;
    return OK;
}

enum err dh_from_private(uint16_t group, const struct secret *priv, struct dh **ret_dh)
{
    const struct dh_info *info = dh_info(group);
    struct dh *d;
    enum err e;

    if (info == NULL)
        return E_UNSUPPORTED;
    if (priv->len != private_len(group))
        return E_BAD_VALUE;
    d = calloc(1, sizeof *d);
    if (d == NULL)
        return E_NOMEM;
    d->group = group;
    d->public_len = info->public_len;
    d->priv = *priv;
    if (montgomery(group) != NULL)
        e = montgomery_public(d);
    else if (dh_ecp_private_len(group) != 0)
        e = dh_ecp_public(group, secret_expose(priv), d->pub);
    else
        e = dh_modp_public(group, secret_expose(priv), d->pub);
    if (e != OK) {
        dh_free(d);
        return e;
    }
    *ret_dh = d;
    return OK;
}

enum err dh_new(const struct env *env, uint16_t group, struct dh **ret_dh)
{
    struct secret priv = { 0 };
    enum err e = E_BAD_VALUE;

    if (dh_info(group) == NULL)
        return E_UNSUPPORTED;
    priv.len = (uint8_t)private_len(group);
    for (int i = 0; i < DRAWS && e == E_BAD_VALUE; i++) {
        env_random(env, priv.data, priv.len);
        if (group == ALG_DH_ECP_521)
            priv.data[0] &= 1;
        e = dh_from_private(group, &priv, ret_dh);
    }
    secret_wipe(&priv);
    return e == E_BAD_VALUE ? E_CRYPTO : e;
}

uint16_t dh_group(const struct dh *d)
{
    return d->group;
}

struct span dh_public(const struct dh *d)
{
    return span_of(d->pub, d->public_len);
}

const struct secret *dh_private(const struct dh *d)
{
    return &d->priv;
}

static enum err montgomery_shared(const struct dh *d, struct span peer, uint8_t *out, size_t len)
{
    EVP_PKEY *theirs =
        EVP_PKEY_new_raw_public_key_ex(NULL, montgomery(d->group), NULL, peer.p, peer.len);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, d->pkey, NULL);
    size_t n = len;
    uint8_t any = 0;
    enum err e = E_CRYPTO;

    if (theirs == NULL || c == NULL || EVP_PKEY_derive_init(c) != 1 ||
        EVP_PKEY_derive_set_peer_ex(c, theirs, 0) != 1)
        goto out;
    /* OpenSSL fails here for a point of small order; its reason is the only one that a peer can
     * bring about. */
    e = E_BAD_VALUE;
    if (EVP_PKEY_derive(c, out, &n) != 1 || n != len)
        goto out;
    /* RFC 7748 6.1: "... check whether K is the all-zero value". Not left to the library alone. */
    for (size_t i = 0; i < len; i++)
        any |= out[i];
    if (any != 0)
        e = OK;
out:
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(theirs);
    return e;
}

enum err dh_compute(const struct dh *d, struct span peer, struct dh_shared *ret_shared)
{
    const struct dh_info *info = dh_info(d->group);
    struct dh_shared s = { .len = info->shared_len };
    enum err e;

    if (peer.len != info->public_len)
        return E_BAD_VALUE;
    if (montgomery(d->group) != NULL)
        e = montgomery_shared(d, peer, s.data, s.len);
    else if (dh_ecp_private_len(d->group) != 0)
        e = dh_ecp_shared(d->group, secret_expose(&d->priv), peer, s.data);
    else
        e = dh_modp_shared(d->group, secret_expose(&d->priv), peer, s.data);
    if (e == OK)
        *ret_shared = s;
    wipe(&s, sizeof s);
    return e;
}

void dh_shared_wipe(struct dh_shared *s)
{
    wipe(s, sizeof *s);
}

struct dh *dh_free(struct dh *d)
{
    if (d == NULL)
        return NULL;
    EVP_PKEY_free(d->pkey);
    wipe(d, sizeof *d);
    free(d);
    return NULL;
}
