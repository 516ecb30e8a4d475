/* evp: fetched algorithms (once per process) and contexts (once per thread). See evp.h, crypto.h.
 */
#include "node/crypto/evp.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>

#include "node/crypto/crypto.h"

static const char *const digest_names[EVP_D_COUNT] = { "SHA2-256", "SHA2-384", "SHA2-512", "SHA1" };

static const struct {
    uint16_t id, bits;
} ciphers[EVP_CIPHERS] = {
    { ALG_ENCR_AES_GCM_16, 128 }, { ALG_ENCR_AES_GCM_16, 256 }, { ALG_ENCR_CHACHA20_POLY1305, 0 },
    { ALG_ENCR_AES_CBC, 128 },    { ALG_ENCR_AES_CBC, 256 },
};

static struct {
    pthread_once_t once;
    pthread_key_t key;
    bool ok;
    EVP_MD *md[EVP_D_COUNT];
    EVP_CIPHER *cipher[EVP_CIPHERS];
    EVP_MAC *hmac;
} fetched = { .once = PTHREAD_ONCE_INIT };

static _Thread_local struct evp_thread *mine;

static void thread_free(void *p)
{
    struct evp_thread *t = p;

    if (t == NULL)
        return;
    for (size_t i = 0; i < EVP_D_SHA1; i++)
        EVP_MAC_CTX_free(t->hmac[i]);
    for (size_t i = 0; i < EVP_CIPHERS; i++)
        EVP_CIPHER_CTX_free(t->cipher[i]);
    EVP_MD_CTX_free(t->digest);
    free(t);
    mine = NULL;
}

static void fetch_all(void)
{
    bool ok = pthread_key_create(&fetched.key, thread_free) == 0;

    for (size_t i = 0; i < EVP_D_COUNT; i++) {
        fetched.md[i] = EVP_MD_fetch(NULL, digest_names[i], NULL);
        ok = ok && fetched.md[i] != NULL;
    }
    for (size_t i = 0; i < EVP_CIPHERS; i++) {
        const struct encr_info *info = encr_info(ciphers[i].id, ciphers[i].bits);

        fetched.cipher[i] = EVP_CIPHER_fetch(NULL, info->ossl, NULL);
        ok = ok && fetched.cipher[i] != NULL;
    }
    fetched.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    fetched.ok = ok && fetched.hmac != NULL;
}

static EVP_MAC_CTX *hmac_new(enum evp_digest d)
{
    static const uint8_t no_key[1];
    char *name = (char *)(uintptr_t)digest_names[d]; /* OSSL_PARAM has no const; it only reads */
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                            OSSL_PARAM_construct_end() };
    EVP_MAC_CTX *c = EVP_MAC_CTX_new(fetched.hmac);

    /* The digest is looked up here; later inits give a key only and skip the look-up. */
    if (c != NULL && EVP_MAC_init(c, no_key, sizeof no_key, params) != 1) {
        EVP_MAC_CTX_free(c);
        c = NULL;
    }
    return c;
}

static struct evp_thread *thread_new(void)
{
    struct evp_thread *t = calloc(1, sizeof *t);
    bool ok = t != NULL;

    for (size_t i = 0; ok && i < EVP_D_SHA1; i++)
        ok = (t->hmac[i] = hmac_new((enum evp_digest)i)) != NULL;
    for (size_t i = 0; ok && i < EVP_CIPHERS; i++)
        ok = (t->cipher[i] = EVP_CIPHER_CTX_new()) != NULL &&
             EVP_CipherInit_ex2(t->cipher[i], fetched.cipher[i], NULL, NULL, 1, NULL) == 1 &&
             EVP_CIPHER_CTX_set_padding(t->cipher[i], 0) == 1;
    ok = ok && (t->digest = EVP_MD_CTX_new()) != NULL;
    if (!ok || pthread_setspecific(fetched.key, t) != 0) {
        thread_free(t);
        return NULL;
    }
    return t;
}

struct evp_thread *evp_thread(void)
{
    if (mine == NULL) {
        pthread_once(&fetched.once, fetch_all);
        if (fetched.ok)
            mine = thread_new();
    }
    return mine;
}

enum err crypto_init(void)
{
    return evp_thread() != NULL ? OK : E_CRYPTO;
}

const EVP_MD *evp_md(enum evp_digest d)
{
    return fetched.md[d];
}

const EVP_CIPHER *evp_cipher(unsigned n)
{
    return fetched.cipher[n];
}

unsigned evp_cipher_index(const struct encr_info *i)
{
    for (unsigned n = 0; n < EVP_CIPHERS; n++)
        if (ciphers[n].id == i->id && ciphers[n].bits == i->key_bits)
            return n;
    abort(); /* a cipher in the table of suite.c that is not in ours: our mistake */
}

bool evp_digest_of_prf(uint16_t prf_id, enum evp_digest *ret_d)
{
    if (prf_id < ALG_PRF_HMAC_SHA2_256 || prf_id > ALG_PRF_HMAC_SHA2_512)
        return false;
    *ret_d = (enum evp_digest)(prf_id - ALG_PRF_HMAC_SHA2_256);
    return true;
}

bool evp_digest_of_integ(uint16_t integ, enum evp_digest *ret_d)
{
    if (integ < ALG_INTEG_HMAC_SHA2_256_128 || integ > ALG_INTEG_HMAC_SHA2_512_256)
        return false;
    *ret_d = (enum evp_digest)(integ - ALG_INTEG_HMAC_SHA2_256_128);
    return true;
}

enum err evp_hash(enum evp_digest d, const struct span *parts, size_t n, uint8_t *out,
                  size_t *ret_len)
{
    struct evp_thread *t = evp_thread();
    unsigned len = 0;

    if (t == NULL || EVP_DigestInit_ex2(t->digest, evp_md(d), NULL) != 1)
        return E_CRYPTO;
    for (size_t i = 0; i < n; i++)
        if (EVP_DigestUpdate(t->digest, parts[i].p, parts[i].len) != 1)
            return E_CRYPTO;
    if (EVP_DigestFinal_ex(t->digest, out, &len) != 1)
        return E_CRYPTO;
    *ret_len = len;
    return OK;
}
