/* ESP with known keys: octet 0 chooses the suite and whether the rest is a packet from the wire, a
 * plaintext with its trailer (sealed here, so that the fuzzer stands behind the integrity check),
 * or an inner packet for esp_seal. */
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>

#include "node/dataplane/esp.h"
#include "node/dataplane/ip_packet.h"

static const struct {
    uint16_t encr, bits, integ;
} suites[] = { { 20, 128, 0 },  { 20, 256, 0 },  { 28, 0, 0 },    { 12, 128, 12 },
               { 12, 256, 13 }, { 12, 256, 14 }, { 12, 128, 14 }, { 3, 0, 0 } };

static void fixed_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0x77, len);
}

static const struct env env = { .random = fixed_random };

static void key_of(struct secret *s, size_t len)
{
    s->len = (uint8_t)len;
    memset(s->data, 0x31, SECRET_MAX);
}

/* AES-128-GCM by hand: what a peer with our key, but not our code, can send. */
static size_t seal_text(const uint8_t *text, size_t len, uint8_t *packet)
{
    uint8_t nonce[12], key[16];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;

    memset(key, 0x31, sizeof(key));
    memset(nonce, 0x31, 4);
    be32_put(packet, 9);
    be32_put(packet + 4, 1);
    be64_put(packet + 8, 1);
    be64_put(nonce + 4, 1);
    MUST(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, nonce) == 1);
    MUST(EVP_EncryptUpdate(c, NULL, &n, packet, 8) == 1);
    MUST(EVP_EncryptUpdate(c, packet + 16, &n, text, (int)len) == 1);
    MUST(EVP_EncryptFinal_ex(c, packet + 16 + len, &n) == 1);
    MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, packet + 16 + len) == 1);
    EVP_CIPHER_CTX_free(c);
    return len + 32;
}

static void open_it(struct esp_cipher *c, uint8_t *packet, size_t len)
{
    struct span inner = SPAN_NONE;
    uint32_t spi, low;
    uint8_t next;

    if (esp_peek(span_of(packet, len), &spi, &low) == OK &&
        esp_open(c, low, packet, len, &inner, &next) == OK)
        MUST(inner.p >= packet && inner.p + inner.len <= packet + len);
}

static void seal_it(const struct esp_suite *s, bool esn, const uint8_t *data, size_t size)
{
    struct esp_block block = { size > 0 && data[0] > 200 ? UINT32_MAX : 1, 1ULL << 33 };
    size_t cap = ESP_HEADROOM_MAX + size + ESP_TAILROOM_MAX, len;
    struct esp_cipher *seal, *open;
    struct secret key, integ;
    uint8_t *buf = malloc(cap), next;
    uint64_t seq = block.next;
    struct span inner;

    key_of(&key, s->key_len);
    key_of(&integ, s->integ_len);
    MUST(esp_cipher_new(s, esn, true, &key, &integ, &env, &seal) == OK);
    MUST(esp_cipher_new(s, esn, false, &key, &integ, &env, &open) == OK);
    memcpy(buf + esp_headroom(s), data, size);
    MUST(esp_seal(seal, 9, &block, buf, cap, size, 41, size % 7, &len) == OK);
    MUST(esp_open(open, seq, buf, len, &inner, &next) == OK);
    MUST(inner.len == size + size % 7 && next == 41);
    MUST(size == 0 || memcmp(inner.p, data, size) == 0);
    if (block.next > UINT32_MAX && !esn)
        MUST(esp_seal(seal, 9, &block, buf, cap, size, 41, 0, &len) == E_LIMIT);
    free(buf);
    esp_cipher_free(seal);
    esp_cipher_free(open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct esp_suite *s;
    struct esp_cipher *c;
    struct secret key, integ;
    uint8_t *packet, how;
    bool esn;

    if (size < 1 || size > 4000)
        return 0;
    how = data[0];
    esn = (how & 8) != 0;
    s = esp_suite_find(suites[how & 7].encr, suites[how & 7].bits, suites[how & 7].integ);
    data++;
    size--;
    if (s == NULL)
        return 0;
    if (how >= 0x80) {
        seal_it(s, esn, data, size);
        return 0;
    }
    packet = malloc(size + 32);
    if (how >= 0x40) {
        s = esp_suite_find(20, 128, 0);
        esn = false;
        size = seal_text(data, size, packet);
    } else {
        memcpy(packet, data, size);
    }
    key_of(&key, s->key_len);
    key_of(&integ, s->integ_len);
    MUST(esp_cipher_new(s, esn, false, &key, &integ, &env, &c) == OK);
    open_it(c, packet, size);
    esp_cipher_free(c);
    key.len--;
    MUST(esp_cipher_new(s, esn, false, &key, &integ, &env, &c) == E_BAD_LENGTH);
    free(packet);
    return 0;
}
