/* keyring: ring keys, and the contexts that use them.
 *
 * Every ring key is stretched once, when it is added: HKDF-Extract with a fixed salt. From then on
 * a derived key costs one HMAC block (HKDF-Expand of at most 32 octets, RFC 5869 2.3) on a keyed
 * context that is kept. Owns the secrets; nothing of them leaves but derived keys. */
#include "statesync/seal/keyring_use.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "statesync/base/wr.h"
#include "statesync/seal/gcm.h"

static const char extract_salt[] = "ikestra ring 1";

struct ring_key {
    uint32_t id;
    enum key_state state;
    EVP_MAC_CTX *prk; /* keyed with HKDF-Extract(salt, ring key); NULL when retired */
};

struct keyring {
    EVP_MAC *hmac;
    struct ring_key keys[KEYRING_KEYS];
    size_t n;
    EVP_CIPHER_CTX *seal, *open; /* AES-256-GCM, re-keyed per envelope */
};

enum err keyring_new(struct keyring **ret)
{
    struct keyring *k = calloc(1, sizeof *k);

    if (k == NULL)
        return E_NOMEM;
    k->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    k->seal = gcm_context(true, NULL);
    k->open = gcm_context(false, NULL);
    if (k->hmac == NULL || k->seal == NULL || k->open == NULL) {
        keyring_free(k);
        return E_CRYPTO;
    }
    *ret = k;
    return OK;
}

struct keyring *keyring_free(struct keyring *k)
{
    if (k == NULL)
        return NULL;
    for (size_t i = 0; i < k->n; i++)
        EVP_MAC_CTX_free(k->keys[i].prk); /* wipes its key */
    EVP_CIPHER_CTX_free(k->seal);
    EVP_CIPHER_CTX_free(k->open);
    EVP_MAC_free(k->hmac);
    free(k);
    return NULL;
}

/* k->n: not there. */
static size_t index_of(const struct keyring *k, uint32_t id)
{
    size_t i = 0;

    while (i < k->n && k->keys[i].id != id)
        i++;
    return i;
}

static struct ring_key *find(struct keyring *k, uint32_t id)
{
    size_t i = index_of(k, id);

    return i < k->n ? &k->keys[i] : NULL;
}

static enum err hmac_key(EVP_MAC_CTX *c, struct span key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_init(c, key.p, key.len, params) == 1 ? OK : E_CRYPTO;
}

static enum err hmac_final(EVP_MAC_CTX *c, uint8_t ret[KEYRING_KEY])
{
    size_t len;

    return EVP_MAC_final(c, ret, &len, KEYRING_KEY) == 1 && len == KEYRING_KEY ? OK : E_CRYPTO;
}

/* RFC 5869 2.2: PRK = HMAC-Hash(salt, IKM). ret becomes a context keyed with PRK. */
static enum err extract(struct keyring *k, struct span key, EVP_MAC_CTX **ret)
{
    EVP_MAC_CTX *salted = EVP_MAC_CTX_new(k->hmac), *keyed = EVP_MAC_CTX_new(k->hmac);
    uint8_t prk[KEYRING_KEY];
    enum err e = salted == NULL || keyed == NULL ? E_NOMEM : OK;

    if (e == OK)
        e = hmac_key(salted, span_of(extract_salt, sizeof extract_salt - 1));
    if (e == OK && EVP_MAC_update(salted, key.p, key.len) != 1)
        e = E_CRYPTO;
    if (e == OK)
        e = hmac_final(salted, prk);
    if (e == OK)
        e = hmac_key(keyed, span_of(prk, sizeof prk));
    wipe(prk, sizeof prk);
    EVP_MAC_CTX_free(salted);
    if (e != OK) {
        EVP_MAC_CTX_free(keyed);
        return e;
    }
    *ret = keyed;
    return OK;
}

/* There is one active key at a time. */
static void demote_active(struct keyring *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->keys[i].state == KEY_ACTIVE)
            k->keys[i].state = KEY_DECRYPT_ONLY;
}

enum err keyring_add(struct keyring *k, uint32_t id, enum key_state state, struct span key)
{
    EVP_MAC_CTX *prk = NULL;

    if (key.len != KEYRING_KEY)
        return E_BAD_LENGTH;
    if (id == 0 || state < KEY_ACTIVE || state > KEY_RETIRED || find(k, id) != NULL)
        return E_BAD_VALUE;
    if (k->n == KEYRING_KEYS)
        return E_LIMIT;
    if (state != KEY_RETIRED)
        TRY(extract(k, key, &prk));
    if (state == KEY_ACTIVE)
        demote_active(k);
    k->keys[k->n++] = (struct ring_key){ id, state, prk };
    return OK;
}

enum err keyring_set_state(struct keyring *k, uint32_t id, enum key_state state)
{
    struct ring_key *r = find(k, id);

    if (r == NULL)
        return E_NOT_FOUND;
    if (r->state == state)
        return OK;
    if (r->state == KEY_RETIRED || r->state == KEY_ACTIVE)
        return E_NOT_ALLOWED;
    switch (state) {
    case KEY_ACTIVE:
        demote_active(k);
        break;
    case KEY_RETIRED:
        EVP_MAC_CTX_free(r->prk);
        r->prk = NULL;
        break;
    case KEY_DECRYPT_ONLY:
        break;
    default:
        return E_BAD_VALUE;
    }
    r->state = state;
    return OK;
}

uint32_t keyring_active(const struct keyring *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->keys[i].state == KEY_ACTIVE)
            return k->keys[i].id;
    return 0;
}

bool keyring_state(const struct keyring *k, uint32_t id, enum key_state *ret)
{
    size_t i = index_of(k, id);

    if (i == k->n)
        return false;
    *ret = k->keys[i].state;
    return true;
}

/* RFC 5869 2.3 with L = HashLen: T(1) = HMAC-Hash(PRK, info | 0x01). */
enum err keyring_expand(struct keyring *k, uint32_t id, const struct span *info, size_t n,
                        uint8_t ret[KEYRING_KEY])
{
    static const uint8_t one = 1;
    struct ring_key *r = find(k, id);
    uint8_t out[KEYRING_KEY];

    if (r == NULL || r->prk == NULL)
        return E_NOT_FOUND;
    /* Without a key: the same key again, from the start. */
    if (EVP_MAC_init(r->prk, NULL, 0, NULL) != 1)
        return E_CRYPTO;
    for (size_t i = 0; i < n; i++)
        if (info[i].len > 0 && EVP_MAC_update(r->prk, info[i].p, info[i].len) != 1)
            return E_CRYPTO;
    if (EVP_MAC_update(r->prk, &one, 1) != 1)
        return E_CRYPTO;
    TRY(hmac_final(r->prk, out));
    struct wr w = wr_of(ret, KEYRING_KEY);
    wr_bytes(&w, span_of(out, sizeof out));
    wipe(out, sizeof out);
    return wr_ok(&w);
}

enum err keyring_derive(struct keyring *k, uint32_t id, const char *label, struct span context,
                        uint8_t ret[KEYRING_KEY])
{
    struct span name = span_str(label);
    uint8_t len = (uint8_t)name.len;
    struct span info[] = { span_str("ikestra sub-key 1"), span_of(&len, 1), name, context };

    if (name.len > UINT8_MAX)
        return E_BAD_LENGTH;
    return keyring_expand(k, id == 0 ? keyring_active(k) : id, info, 4, ret);
}

EVP_CIPHER_CTX *keyring_cipher(struct keyring *k, bool encrypt)
{
    return encrypt ? k->seal : k->open;
}
