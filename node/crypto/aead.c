/* aead: SK ciphers in place. See aead.h. RFC 5282, RFC 7634, RFC 7296 3.14. */
#include "node/crypto/aead.h"

#include <limits.h>

#include "node/crypto/evp.h"
#include "node/crypto/prf.h"
#include "statesync/base/wr.h"

enum { NONCE_LEN = 12 };

size_t aead_icv_len(uint16_t encr, uint16_t key_bits, uint16_t integ)
{
    const struct encr_info *e = encr_info(encr, key_bits);
    const struct integ_info *i = integ_info(integ);

    if (e == NULL)
        return 0;
    if (e->aead)
        return integ == 0 ? e->icv_len : 0;
    return i == NULL ? 0 : i->trunc_len;
}

/* Everything about the call that must hold before OpenSSL sees it. */
static enum err keys_check(const struct aead_keys *k, const struct encr_info *e, struct span iv,
                           size_t len)
{
    if (e == NULL || aead_icv_len(k->encr, k->encr_key_bits, k->integ) == 0)
        return E_UNSUPPORTED;
    if (k->encr_key->len != e->key_len + e->salt_len || iv.len != e->iv_len)
        return E_BAD_LENGTH;
    if (!e->aead && (k->integ_key == NULL || k->integ_key->len != integ_info(k->integ)->key_len))
        return E_BAD_LENGTH;
    if (len > INT_MAX || len % e->block != 0)
        return E_BAD_LENGTH;
    return OK;
}

/* RFC 5282 4, RFC 7634 2: the nonce is the salt, then the IV. */
static void nonce_make(const struct aead_keys *k, const struct encr_info *e, struct span iv,
                       uint8_t nonce[NONCE_LEN])
{
    struct wr w = wr_of(nonce, NONCE_LEN);

    wr_bytes(&w, span_of(k->encr_key->data + e->key_len, e->salt_len));
    wr_bytes(&w, iv);
}

static enum err aead_run(const struct aead_keys *k, const struct encr_info *e, bool seal,
                         struct span iv, struct span aad, uint8_t *text, size_t len, uint8_t *tag)
{
    struct evp_thread *t = evp_thread();
    uint8_t nonce[NONCE_LEN];
    uint8_t rest[SUITE_IV_MAX];
    EVP_CIPHER_CTX *c;
    int n = 0;

    if (t == NULL || aad.len > INT_MAX)
        return E_CRYPTO;
    c = t->cipher[evp_cipher_index(e)];
    nonce_make(k, e, iv, nonce);
    if (EVP_CipherInit_ex2(c, NULL, k->encr_key->data, nonce, seal, NULL) != 1)
        return E_CRYPTO;
    if (aad.len > 0 && EVP_CipherUpdate(c, NULL, &n, aad.p, (int)aad.len) != 1)
        return E_CRYPTO;
    if (len > 0 && EVP_CipherUpdate(c, text, &n, text, (int)len) != 1)
        return E_CRYPTO;
    if (seal) {
        if (EVP_CipherFinal_ex(c, rest, &n) != 1 ||
            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, e->icv_len, tag) != 1)
            return E_CRYPTO;
        return OK;
    }
    if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, e->icv_len, tag) != 1)
        return E_CRYPTO;
    return EVP_CipherFinal_ex(c, rest, &n) == 1 ? OK : E_INTEGRITY;
}

static enum err cbc_run(const struct aead_keys *k, const struct encr_info *e, bool seal,
                        struct span iv, uint8_t *text, size_t len)
{
    struct evp_thread *t = evp_thread();
    EVP_CIPHER_CTX *c;
    int n = 0;

    if (t == NULL)
        return E_CRYPTO;
    c = t->cipher[evp_cipher_index(e)];
    if (EVP_CipherInit_ex2(c, NULL, k->encr_key->data, iv.p, seal, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(c, 0) != 1)
        return E_CRYPTO;
    if (len > 0 && (EVP_CipherUpdate(c, text, &n, text, (int)len) != 1 || (size_t)n != len))
        return E_CRYPTO;
    return OK;
}

static enum err cbc_mac(const struct aead_keys *k, struct span iv, struct span aad,
                        const uint8_t *text, size_t len, uint8_t *out)
{
    struct span parts[] = { aad, iv, span_of(text, len) };

    return integ_mac(k->integ, secret_expose(k->integ_key), parts, 3, out);
}

enum err aead_seal(const struct aead_keys *k, struct span iv, struct span aad, uint8_t *text,
                   size_t len, uint8_t *ret_icv)
{
    const struct encr_info *e = encr_info(k->encr, k->encr_key_bits);

    TRY(keys_check(k, e, iv, len));
    if (e->aead)
        return aead_run(k, e, true, iv, aad, text, len, ret_icv);
    TRY(cbc_run(k, e, true, iv, text, len));
    return cbc_mac(k, iv, aad, text, len, ret_icv);
}

enum err aead_open(const struct aead_keys *k, struct span iv, struct span aad, uint8_t *text,
                   size_t len, struct span icv)
{
    const struct encr_info *e = encr_info(k->encr, k->encr_key_bits);
    uint8_t mac[SUITE_ICV_MAX];
    struct wr w = wr_of(mac, sizeof mac);

    TRY(keys_check(k, e, iv, len));
    if (icv.len != aead_icv_len(k->encr, k->encr_key_bits, k->integ))
        return E_INTEGRITY;
    if (e->aead) {
        enum err err;

        wr_bytes(&w, icv);
        err = aead_run(k, e, false, iv, aad, text, len, mac);
        if (err != OK)
            wipe(text, len); /* decrypted before it was checked */
        return err;
    }
    TRY(cbc_mac(k, iv, aad, text, len, mac));
    if (!ct_equal(mac, icv.p, icv.len))
        return E_INTEGRITY;
    return cbc_run(k, e, false, iv, text, len);
}
