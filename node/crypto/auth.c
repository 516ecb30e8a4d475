/* auth: the octets under the AUTH payload, and its shared-key form. RFC 7296 2.15. See auth.h. */
#include "node/crypto/auth.h"

#include "node/crypto/prf.h"

enum { AUTH_PARTS = 3 };

static const char key_pad[] = "Key Pad for IKEv2";

enum err auth_octets_init(struct auth_octets *ret_o, uint16_t prf_id, const struct secret *sk_p,
                          struct span message, struct span nonce, struct span id_body)
{
    const struct prf_info *info = prf_info(prf_id);
    struct auth_octets o = { .message = message, .nonce = nonce };

    if (info == NULL)
        return E_UNSUPPORTED;
    TRY(prf(prf_id, secret_expose(sk_p), &id_body, 1, o.maced_id));
    o.maced_id_len = info->len;
    *ret_o = o;
    return OK;
}

static void octets_parts(const struct auth_octets *o, struct span parts[AUTH_PARTS])
{
    parts[0] = o->message;
    parts[1] = o->nonce;
    parts[2] = span_of(o->maced_id, o->maced_id_len);
}

enum err auth_psk_make(uint16_t prf_id, struct span psk, const struct auth_octets *o,
                       uint8_t *ret_auth, size_t *ret_len)
{
    const struct prf_info *info = prf_info(prf_id);
    uint8_t padded[SUITE_PRF_MAX];
    struct span parts[AUTH_PARTS], pad = span_str(key_pad);
    enum err e;

    if (info == NULL)
        return E_UNSUPPORTED;
    if (psk.len == 0)
        return E_AUTH_FAILED;
    octets_parts(o, parts);
    e = prf(prf_id, psk, &pad, 1, padded);
    if (e == OK)
        e = prf(prf_id, span_of(padded, info->len), parts, AUTH_PARTS, ret_auth);
    if (e == OK)
        *ret_len = info->len;
    wipe(padded, sizeof padded);
    return e;
}

enum err auth_psk_verify(uint16_t prf_id, struct span psk, const struct auth_octets *o,
                         struct span auth)
{
    uint8_t ours[SUITE_PRF_MAX];
    size_t len = 0;
    enum err e;

    TRY(auth_psk_make(prf_id, psk, o, ours, &len));
    e = auth.len == len && ct_equal(ours, auth.p, len) ? OK : E_AUTH_FAILED;
    wipe(ours, sizeof ours);
    return e;
}

enum err auth_sign(const struct sign_key *k, uint8_t method, unsigned hashes, bool rsa_pkcs1,
                   const struct auth_octets *o, uint8_t *ret_auth, size_t *ret_len)
{
    struct span parts[AUTH_PARTS];

    octets_parts(o, parts);
    return sign_make(k, method, hashes, rsa_pkcs1, parts, AUTH_PARTS, ret_auth, ret_len);
}

enum err auth_verify(const struct pubkey *p, uint8_t method, unsigned accept_hashes,
                     struct span auth, const struct auth_octets *o)
{
    struct span parts[AUTH_PARTS];

    octets_parts(o, parts);
    return sign_verify(p, method, accept_hashes, auth, parts, AUTH_PARTS);
}
