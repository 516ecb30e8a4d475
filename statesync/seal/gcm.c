#include "statesync/seal/gcm.h"

#include "statesync/base/secret.h"

EVP_CIPHER_CTX *gcm_context(bool encrypt, const uint8_t key[GCM_KEY])
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    if (c != NULL &&
        EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, NULL, encrypt ? 1 : 0) != 1) {
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }
    return c;
}

/* Lengths are bounded by limits.h, far below INT_MAX. */
static enum err start(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *iv,
                      const struct span *aad, size_t n)
{
    int len;

    if (EVP_CipherInit_ex(c, NULL, NULL, key, iv, -1) != 1)
        return E_CRYPTO;
    for (size_t i = 0; i < n; i++)
        if (aad[i].len > 0 && EVP_CipherUpdate(c, NULL, &len, aad[i].p, (int)aad[i].len) != 1)
            return E_CRYPTO;
    return OK;
}

enum err gcm_encrypt(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t iv[GCM_IV],
                     const struct span *aad, size_t n, struct span plain, uint8_t *out)
{
    int len = 0, rest = 0;

    TRY(start(c, key, iv, aad, n));
    if (plain.len > 0 && EVP_CipherUpdate(c, out, &len, plain.p, (int)plain.len) != 1)
        return E_CRYPTO;
    if (EVP_CipherFinal_ex(c, out + len, &rest) != 1 || (size_t)(len + rest) != plain.len)
        return E_CRYPTO;
    if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, out + plain.len) != 1)
        return E_CRYPTO;
    return OK;
}

enum err gcm_decrypt(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t iv[GCM_IV],
                     const struct span *aad, size_t n, struct span sealed, uint8_t *out)
{
    uint8_t tag[GCM_TAG], none;
    size_t text;
    int len = 0, rest = 0;

    if (sealed.len < GCM_TAG)
        return E_TRUNCATED;
    text = sealed.len - GCM_TAG;
    for (size_t i = 0; i < GCM_TAG; i++)
        tag[i] = sealed.p[text + i];
    TRY(start(c, key, iv, aad, n));
    if (text > 0 && EVP_CipherUpdate(c, out, &len, sealed.p, (int)text) != 1)
        return E_CRYPTO;
    if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) != 1)
        return E_CRYPTO;
    if (EVP_CipherFinal_ex(c, text > 0 ? out + len : &none, &rest) != 1) {
        wipe(out, text);
        return E_INTEGRITY;
    }
    return OK;
}
