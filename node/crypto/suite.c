/* suite: the tables of algorithms and their text. See suite.h; RFC 8221 and RFC 8247 for the
 * choice, RFC 4106, RFC 4868, RFC 7634, RFC 5903, RFC 3526, RFC 8031 for the sizes. */
#include "node/crypto/suite.h"

#include <assert.h>
#include <string.h>

#include "statesync/base/wr.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct encr_info encrs[] = {
    { ALG_ENCR_AES_GCM_16, 128, 16, 4, 8, 16, 1, true, "AES-128-GCM", "aes128gcm16" },
    { ALG_ENCR_AES_GCM_16, 256, 32, 4, 8, 16, 1, true, "AES-256-GCM", "aes256gcm16" },
    { ALG_ENCR_CHACHA20_POLY1305, 0, 32, 4, 8, 16, 1, true, "ChaCha20-Poly1305",
      "chacha20poly1305" },
    { ALG_ENCR_AES_CBC, 128, 16, 0, 16, 0, 16, false, "AES-128-CBC", "aes128" },
    { ALG_ENCR_AES_CBC, 256, 32, 0, 16, 0, 16, false, "AES-256-CBC", "aes256" },
};

static const struct integ_info integs[] = {
    { ALG_INTEG_HMAC_SHA2_256_128, 32, 16, "SHA2-256", "sha256" },
    { ALG_INTEG_HMAC_SHA2_384_192, 48, 24, "SHA2-384", "sha384" },
    { ALG_INTEG_HMAC_SHA2_512_256, 64, 32, "SHA2-512", "sha512" },
};

static const struct prf_info prfs[] = {
    { ALG_PRF_HMAC_SHA2_256, 32, 32, "SHA2-256", "prfsha256" },
    { ALG_PRF_HMAC_SHA2_384, 48, 48, "SHA2-384", "prfsha384" },
    { ALG_PRF_HMAC_SHA2_512, 64, 64, "SHA2-512", "prfsha512" },
};

static const struct dh_info dhs[] = {
    { ALG_DH_CURVE25519, 32, 32, "x25519" },    { ALG_DH_CURVE448, 56, 56, "x448" },
    { ALG_DH_ECP_256, 64, 32, "ecp256" },       { ALG_DH_ECP_384, 96, 48, "ecp384" },
    { ALG_DH_ECP_521, 132, 66, "ecp521" },      { ALG_DH_MODP_2048, 256, 256, "modp2048" },
    { ALG_DH_MODP_3072, 384, 384, "modp3072" }, { ALG_DH_MODP_4096, 512, 512, "modp4096" },
};

/* Other words in use for the same thing. */
static const struct {
    const char *word, *means;
} aliases[] = {
    { "curve25519", "x25519" },
    { "curve448", "x448" },
    { "aes128gcm128", "aes128gcm16" },
    { "aes256gcm128", "aes256gcm16" },
};

const struct encr_info *encr_info(uint16_t id, uint16_t key_bits)
{
    for (size_t i = 0; i < COUNT(encrs); i++)
        if (encrs[i].id == id && encrs[i].key_bits == key_bits)
            return &encrs[i];
    return NULL;
}

const struct integ_info *integ_info(uint16_t id)
{
    for (size_t i = 0; i < COUNT(integs); i++)
        if (integs[i].id == id)
            return &integs[i];
    return NULL;
}

const struct prf_info *prf_info(uint16_t id)
{
    for (size_t i = 0; i < COUNT(prfs); i++)
        if (prfs[i].id == id)
            return &prfs[i];
    return NULL;
}

const struct dh_info *dh_info(uint16_t id)
{
    for (size_t i = 0; i < COUNT(dhs); i++)
        if (dhs[i].id == id)
            return &dhs[i];
    return NULL;
}

/* RFC 5282 8: an AEAD is not combined with an integrity algorithm; all others need one. */
static enum err cipher_check(uint16_t encr, uint16_t bits, uint16_t integ)
{
    const struct encr_info *e = encr_info(encr, bits);

    if (e == NULL)
        return E_NO_PROPOSAL;
    if (e->aead ? integ != 0 : integ_info(integ) == NULL)
        return E_NO_PROPOSAL;
    return OK;
}

enum err ike_suite_check(const struct ike_suite *s)
{
    TRY(cipher_check(s->encr, s->encr_key_bits, s->integ));
    if (prf_info(s->prf) == NULL || dh_info(s->dh) == NULL)
        return E_NO_PROPOSAL;
    return OK;
}

enum err esp_suite_check(const struct esp_suite *s)
{
    TRY(cipher_check(s->encr, s->encr_key_bits, s->integ));
    if (s->dh != ALG_DH_NONE && dh_info(s->dh) == NULL)
        return E_NO_PROPOSAL;
    return OK;
}

/* What the words of one proposal string said; 0 and NULL: nothing. */
struct words {
    const struct encr_info *encr;
    uint16_t integ, prf, dh;
    bool esn_said, esn;
};

static enum err set_once(uint16_t *field, uint16_t v)
{
    if (*field != 0)
        return E_BAD_VALUE;
    *field = v;
    return OK;
}

static bool word_is(struct span w, const char *text)
{
    return span_eq(w, span_str(text));
}

static enum err word_take(struct words *a, struct span w)
{
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (word_is(w, aliases[i].word))
            w = span_str(aliases[i].means);
    for (size_t i = 0; i < COUNT(encrs); i++)
        if (word_is(w, encrs[i].text)) {
            if (a->encr != NULL)
                return E_BAD_VALUE;
            a->encr = &encrs[i];
            return OK;
        }
    for (size_t i = 0; i < COUNT(integs); i++)
        if (word_is(w, integs[i].text))
            return set_once(&a->integ, integs[i].id);
    for (size_t i = 0; i < COUNT(prfs); i++)
        if (word_is(w, prfs[i].text))
            return set_once(&a->prf, prfs[i].id);
    for (size_t i = 0; i < COUNT(dhs); i++)
        if (word_is(w, dhs[i].text))
            return set_once(&a->dh, dhs[i].id);
    if ((word_is(w, "esn") || word_is(w, "noesn")) && !a->esn_said) {
        a->esn_said = true;
        a->esn = word_is(w, "esn");
        return OK;
    }
    return E_BAD_VALUE;
}

static enum err words_parse(const char *text, struct words *ret_a)
{
    struct words a = { 0 };
    const char *at = text;

    if (strlen(text) >= SUITE_TEXT_MAX)
        return E_BAD_VALUE;
    for (;;) {
        size_t len = strcspn(at, "-");

        TRY(word_take(&a, span_of(at, len)));
        if (at[len] == '\0')
            break;
        at += len + 1;
    }
    if (a.encr == NULL)
        return E_BAD_VALUE;
    *ret_a = a;
    return OK;
}

enum err ike_suite_parse(const char *text, struct ike_suite *ret_s)
{
    struct ike_suite s;
    struct words a;

    TRY(words_parse(text, &a));
    s = (struct ike_suite){ a.encr->id, a.encr->key_bits, a.integ, a.prf, a.dh };
    /* "aes128-sha256-...": one word names integrity and prf of the same digest. */
    if (s.prf == 0 && s.integ != 0)
        s.prf = (uint16_t)(s.integ - ALG_INTEG_HMAC_SHA2_256_128 + ALG_PRF_HMAC_SHA2_256);
    if (a.esn_said || ike_suite_check(&s) != OK)
        return E_BAD_VALUE;
    *ret_s = s;
    return OK;
}

enum err esp_suite_parse(const char *text, struct esp_suite *ret_s)
{
    struct esp_suite s;
    struct words a;

    TRY(words_parse(text, &a));
    s = (struct esp_suite){ a.encr->id, a.encr->key_bits, a.integ, a.dh, a.esn };
    if (a.prf != 0 || esp_suite_check(&s) != OK)
        return E_BAD_VALUE;
    *ret_s = s;
    return OK;
}

static void add_word(struct wr *w, const char *text)
{
    if (w->len > 0)
        wr_u8(w, '-');
    wr_bytes(w, span_str(text));
}

const char *ike_suite_text(const struct ike_suite *s, char out[SUITE_TEXT_MAX])
{
    struct wr w = wr_of((uint8_t *)out, SUITE_TEXT_MAX);

    if (ike_suite_check(s) != OK) {
        add_word(&w, "unknown");
    } else {
        add_word(&w, encr_info(s->encr, s->encr_key_bits)->text);
        if (s->integ != 0)
            add_word(&w, integ_info(s->integ)->text);
        add_word(&w, prf_info(s->prf)->text);
        add_word(&w, dh_info(s->dh)->text);
    }
    wr_u8(&w, 0);
    assert(!w.failed);
    return out;
}

const char *esp_suite_text(const struct esp_suite *s, char out[SUITE_TEXT_MAX])
{
    struct wr w = wr_of((uint8_t *)out, SUITE_TEXT_MAX);

    if (esp_suite_check(s) != OK) {
        add_word(&w, "unknown");
    } else {
        add_word(&w, encr_info(s->encr, s->encr_key_bits)->text);
        if (s->integ != 0)
            add_word(&w, integ_info(s->integ)->text);
        if (s->dh != ALG_DH_NONE)
            add_word(&w, dh_info(s->dh)->text);
        if (s->esn)
            add_word(&w, "esn");
    }
    wr_u8(&w, 0);
    assert(!w.failed);
    return out;
}
