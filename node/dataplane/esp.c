/* esp: the framing of RFC 4303 around the two kinds of cipher.
 *
 * Called by dp_tun for every packet; no allocation after esp_cipher_new. Everything is in place:
 * the caller leaves esp_headroom octets before the inner packet and ESP_TAILROOM_MAX after it. */
#include "node/dataplane/esp.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "node/dataplane/ip_packet.h"

enum { IV_MAX = 16, ICV_MAX = 32, AAD_MAX = 12, NONCE_MAX = 12 };

#define GCM(bits, name)                                                                            \
    {                                                                                              \
        ESP_ENCR_AES_GCM_16, bits, 0, (bits) / 8 + 4, 4, 0, 8, 16, 4, name, NULL                   \
    }
#define CBC(bits, integ, integ_len, icv, name, digest)                                             \
    {                                                                                              \
        ESP_ENCR_AES_CBC, bits, integ, (bits) / 8, 0, integ_len, 16, icv, 16, name, digest         \
    }

static const struct esp_suite suites[] = {
    GCM(128, "AES-128-GCM"),
    GCM(256, "AES-256-GCM"),
    { ESP_ENCR_CHACHA20_POLY1305, 256, 0, 36, 4, 0, 8, 16, 4, "ChaCha20-Poly1305", NULL },
    CBC(128, ESP_INTEG_HMAC_SHA2_256_128, 32, 16, "AES-128-CBC", "SHA256"),
    CBC(128, ESP_INTEG_HMAC_SHA2_384_192, 48, 24, "AES-128-CBC", "SHA384"),
    CBC(128, ESP_INTEG_HMAC_SHA2_512_256, 64, 32, "AES-128-CBC", "SHA512"),
    CBC(256, ESP_INTEG_HMAC_SHA2_256_128, 32, 16, "AES-256-CBC", "SHA256"),
    CBC(256, ESP_INTEG_HMAC_SHA2_384_192, 48, 24, "AES-256-CBC", "SHA384"),
    CBC(256, ESP_INTEG_HMAC_SHA2_512_256, 64, 32, "AES-256-CBC", "SHA512"),
};

struct esp_cipher {
    const struct esp_suite *suite;
    bool esn, seal;
    uint8_t salt[4];
    EVP_CIPHER_CTX *ctx;
    EVP_CIPHER_CTX *iv_ctx; /* CBC, sealing: makes IVs nobody can predict */
    EVP_MAC_CTX *mac;       /* CBC */
};

const struct esp_suite *esp_suite_find(uint16_t encr, uint16_t key_bits, uint16_t integ)
{
    if (encr == ESP_ENCR_CHACHA20_POLY1305 && key_bits == 0)
        key_bits = 256;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (suites[i].encr == encr && suites[i].key_bits == key_bits && suites[i].integ == integ)
            return &suites[i];
    return NULL;
}

static size_t padded(const struct esp_suite *s, size_t plain)
{
    size_t n = plain + 2;

    return (n + s->align - 1) / s->align * s->align;
}

size_t esp_sealed_len(const struct esp_suite *s, size_t inner_len, size_t tfc)
{
    return esp_headroom(s) + padded(s, inner_len + tfc) + s->icv_len;
}

size_t esp_inner_max(const struct esp_suite *s, size_t wire_len)
{
    size_t fixed = esp_headroom(s) + s->icv_len;

    if (wire_len < fixed + s->align)
        return 0;
    return (wire_len - fixed) / s->align * s->align - 2;
}

static enum err set_cipher(struct esp_cipher *c, const struct secret *key)
{
    struct span k = secret_expose(key);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, c->suite->cipher, NULL);
    enum err e = E_CRYPTO;

    c->ctx = EVP_CIPHER_CTX_new();
    if (cipher == NULL || c->ctx == NULL)
        goto out;
    /* The nonce's length is 12 by default in both AEADs. */
    if (EVP_CipherInit_ex2(c->ctx, cipher, k.p, NULL, c->seal ? 1 : 0, NULL) != 1)
        goto out;
    if (c->suite->salt_len == 0)
        EVP_CIPHER_CTX_set_padding(c->ctx, 0);
    else
        memcpy(c->salt, k.p + k.len - c->suite->salt_len, c->suite->salt_len);
    e = OK;
out:
    EVP_CIPHER_free(cipher);
    return e;
}

static enum err set_mac(struct esp_cipher *c, const struct secret *key)
{
    struct span k = secret_expose(key);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[16];
    OSSL_PARAM params[2];
    enum err e = E_CRYPTO;

    memcpy(digest, c->suite->digest, strlen(c->suite->digest) + 1);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[1] = OSSL_PARAM_construct_end();
    c->mac = EVP_MAC_CTX_new(mac);
    if (mac != NULL && c->mac != NULL && EVP_MAC_init(c->mac, k.p, k.len, params) == 1)
        e = OK;
    EVP_MAC_free(mac);
    return e;
}

/* RFC 3602 3: IVs "MUST be chosen at random, and MUST be unpredictable". A block cipher under a key
 * of its own over the sequence number gives that without a call to the generator per packet. */
static enum err set_iv_source(struct esp_cipher *c, const struct env *env)
{
    uint8_t key[16];
    int ok;

    c->iv_ctx = EVP_CIPHER_CTX_new();
    if (c->iv_ctx == NULL)
        return E_CRYPTO;
    env_random(env, key, sizeof(key));
    ok = EVP_EncryptInit_ex2(c->iv_ctx, EVP_aes_128_ecb(), key, NULL, NULL);
    wipe(key, sizeof(key));
    return ok == 1 ? OK : E_CRYPTO;
}

enum err esp_cipher_new(const struct esp_suite *suite, bool esn, bool seal,
                        const struct secret *encr_key, const struct secret *integ_key,
                        const struct env *env, struct esp_cipher **ret)
{
    struct esp_cipher *c;
    enum err e;

    if (encr_key->len != suite->key_len || integ_key->len != suite->integ_len)
        return E_BAD_LENGTH;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return E_NOMEM;
    c->suite = suite;
    c->esn = esn;
    c->seal = seal;
    e = set_cipher(c, encr_key);
    if (e == OK && suite->integ_len != 0)
        e = set_mac(c, integ_key);
    if (e == OK && suite->salt_len == 0 && seal)
        e = set_iv_source(c, env);
    if (e != OK) {
        esp_cipher_free(c);
        return e;
    }
    *ret = c;
    return OK;
}

struct esp_cipher *esp_cipher_free(struct esp_cipher *c)
{
    if (c == NULL)
        return NULL;
    EVP_CIPHER_CTX_free(c->ctx); /* cleanses the key schedule */
    EVP_CIPHER_CTX_free(c->iv_ctx);
    EVP_MAC_CTX_free(c->mac);
    wipe(c, sizeof(*c));
    free(c);
    return NULL;
}

/* RFC 4106 5, 7634 2.1: SPI and sequence number; with ESN all 64 bits of it. */
static int write_aad(const struct esp_cipher *c, const uint8_t *packet, uint64_t seq,
                     uint8_t aad[AAD_MAX])
{
    memcpy(aad, packet, 4);
    if (!c->esn) {
        be32_put(aad + 4, (uint32_t)seq);
        return 8;
    }
    be64_put(aad + 4, seq);
    return 12;
}

static void write_nonce(const struct esp_cipher *c, const uint8_t *iv, uint8_t nonce[NONCE_MAX])
{
    memcpy(nonce, c->salt, 4);
    memcpy(nonce + 4, iv, 8);
}

static enum err aead_seal(struct esp_cipher *c, uint64_t seq, uint8_t *packet, uint8_t *text,
                          size_t len)
{
    uint8_t aad[AAD_MAX], nonce[NONCE_MAX];
    int aad_len = write_aad(c, packet, seq, aad), n;

    write_nonce(c, packet + ESP_HEADER, nonce);
    if (EVP_EncryptInit_ex2(c->ctx, NULL, NULL, nonce, NULL) != 1 ||
        EVP_EncryptUpdate(c->ctx, NULL, &n, aad, aad_len) != 1 ||
        EVP_EncryptUpdate(c->ctx, text, &n, text, (int)len) != 1 ||
        EVP_EncryptFinal_ex(c->ctx, text + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, 16, text + len) != 1)
        return E_CRYPTO;
    return OK;
}

static enum err aead_open(struct esp_cipher *c, uint64_t seq, uint8_t *packet, uint8_t *text,
                          size_t len)
{
    uint8_t aad[AAD_MAX], nonce[NONCE_MAX];
    int aad_len = write_aad(c, packet, seq, aad), n;

    write_nonce(c, packet + ESP_HEADER, nonce);
    if (EVP_DecryptInit_ex2(c->ctx, NULL, NULL, nonce, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, 16, text + len) != 1 ||
        EVP_DecryptUpdate(c->ctx, NULL, &n, aad, aad_len) != 1 ||
        EVP_DecryptUpdate(c->ctx, text, &n, text, (int)len) != 1)
        return E_CRYPTO;
    return EVP_DecryptFinal_ex(c->ctx, text + len, &n) == 1 ? OK : E_INTEGRITY;
}

/* RFC 4303 2.2.1: with a separate integrity algorithm the high half of the number is appended to
 * what is authenticated, not sent. */
static enum err mac_icv(struct esp_cipher *c, uint64_t seq, const uint8_t *packet, size_t len,
                        uint8_t icv[EVP_MAX_MD_SIZE])
{
    uint8_t high[4];
    size_t n;

    be32_put(high, (uint32_t)(seq >> 32));
    if (EVP_MAC_init(c->mac, NULL, 0, NULL) != 1 || EVP_MAC_update(c->mac, packet, len) != 1 ||
        (c->esn && EVP_MAC_update(c->mac, high, sizeof(high)) != 1) ||
        EVP_MAC_final(c->mac, icv, &n, EVP_MAX_MD_SIZE) != 1)
        return E_CRYPTO;
    return OK;
}

static enum err cbc_seal(struct esp_cipher *c, uint64_t seq, uint8_t *packet, uint8_t *text,
                         size_t len)
{
    uint8_t icv[EVP_MAX_MD_SIZE];
    int n;

    if (EVP_EncryptInit_ex2(c->ctx, NULL, NULL, packet + ESP_HEADER, NULL) != 1 ||
        EVP_EncryptUpdate(c->ctx, text, &n, text, (int)len) != 1)
        return E_CRYPTO;
    TRY(mac_icv(c, seq, packet, (size_t)(text - packet) + len, icv));
    memcpy(text + len, icv, c->suite->icv_len);
    return OK;
}

static enum err cbc_open(struct esp_cipher *c, uint64_t seq, uint8_t *packet, uint8_t *text,
                         size_t len)
{
    uint8_t icv[EVP_MAX_MD_SIZE];
    int n;

    TRY(mac_icv(c, seq, packet, (size_t)(text - packet) + len, icv));
    if (!ct_equal(icv, text + len, c->suite->icv_len))
        return E_INTEGRITY;
    if (EVP_DecryptInit_ex2(c->ctx, NULL, NULL, packet + ESP_HEADER, NULL) != 1 ||
        EVP_DecryptUpdate(c->ctx, text, &n, text, (int)len) != 1)
        return E_CRYPTO;
    return OK;
}

static enum err write_iv(struct esp_cipher *c, uint64_t seq, uint8_t *iv)
{
    uint8_t block[16] = { 0 };
    int n;

    if (c->suite->salt_len != 0) {
        be64_put(iv, seq);
        return OK;
    }
    be64_put(block, seq);
    return EVP_EncryptUpdate(c->iv_ctx, iv, &n, block, sizeof(block)) == 1 ? OK : E_CRYPTO;
}

/* Traffic padding, then 1, 2, 3 ... up to the alignment, its length, and the next header. */
static void write_trailer(uint8_t *end, size_t tfc, size_t pad, uint8_t next_header)
{
    memset(end, 0, tfc);
    end += tfc;
    for (size_t i = 0; i < pad; i++)
        end[i] = (uint8_t)(i + 1);
    end[pad] = (uint8_t)pad;
    end[pad + 1] = next_header;
}

enum err esp_seal(struct esp_cipher *c, uint32_t spi, struct esp_block *block, uint8_t *buf,
                  size_t cap, size_t inner_len, uint8_t next_header, size_t tfc, size_t *ret_len)
{
    const struct esp_suite *s = c->suite;
    size_t len = esp_sealed_len(s, inner_len, tfc), text_len = padded(s, inner_len + tfc);
    uint8_t *text = buf + esp_headroom(s);
    uint64_t seq = block->next;

    if (len > cap || seq >= block->end || seq == 0 || (!c->esn && seq > UINT32_MAX))
        return E_LIMIT;
    /* Spent even if the cipher fails below: a number is never tried twice. */
    block->next = seq + 1;

    be32_put(buf, spi);
    be32_put(buf + 4, (uint32_t)seq);
    TRY(write_iv(c, seq, buf + ESP_HEADER));
    write_trailer(text + inner_len, tfc, text_len - inner_len - tfc - 2, next_header);
    if (s->salt_len != 0)
        TRY(aead_seal(c, seq, buf, text, text_len));
    else
        TRY(cbc_seal(c, seq, buf, text, text_len));
    *ret_len = len;
    return OK;
}

enum err esp_peek(struct span packet, uint32_t *ret_spi, uint32_t *ret_low)
{
    if (packet.len < ESP_HEADER)
        return E_TRUNCATED;
    *ret_spi = be32_at(packet.p);
    *ret_low = be32_at(packet.p + 4);
    return OK;
}

static enum err strip_trailer(const uint8_t *text, size_t len, struct span *ret_inner,
                              uint8_t *ret_next_header)
{
    size_t pad = text[len - 2];

    if (pad + 2 > len)
        return E_BAD_LENGTH;
    /* RFC 4303 2.4: the receiver SHOULD inspect the padding of the default scheme. */
    for (size_t i = 0; i < pad; i++)
        if (text[len - 2 - pad + i] != i + 1)
            return E_BAD_VALUE;
    *ret_inner = (struct span){ text, len - 2 - pad };
    *ret_next_header = text[len - 1];
    return OK;
}

enum err esp_open(struct esp_cipher *c, uint64_t seq, uint8_t *packet, size_t len,
                  struct span *ret_inner, uint8_t *ret_next_header)
{
    const struct esp_suite *s = c->suite;
    size_t fixed = esp_headroom(s) + s->icv_len, text_len;
    uint8_t *text = packet + esp_headroom(s);

    if (len < fixed + s->align)
        return E_TRUNCATED;
    text_len = len - fixed;
    if (text_len % s->align != 0)
        return E_BAD_LENGTH;
    if (s->salt_len != 0)
        TRY(aead_open(c, seq, packet, text, text_len));
    else
        TRY(cbc_open(c, seq, packet, text, text_len));
    return strip_trailer(text, text_len, ret_inner, ret_next_header);
}
