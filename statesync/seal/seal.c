/* seal: envelopes of the store. The bytes are docs/formats/envelope.md:
 *
 *   format:8 = 1 | type:8 | key id:32 | epoch:32 | node:16 | boot:32 | version:64 | salt:128 |
 *   ciphertext | tag:128
 *
 * A fresh key per envelope (16 random octets in its derivation) makes a fixed IV right: no key ever
 * encrypts twice. Everything in front of the ciphertext and the full store key name are additional
 * data. */
#include "statesync/seal/seal.h"

#include <assert.h>
#include <stdlib.h>

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "statesync/seal/gcm.h"
#include "statesync/seal/keyring_use.h"

enum { ENVELOPE_FORMAT = 1, SALT = 16, HEAD = 24, HEAD_AND_SALT = HEAD + SALT };

static_assert(HEAD_AND_SALT + GCM_TAG == SEAL_OVERHEAD, "docs/formats/envelope.md");

static const uint8_t fixed_iv[GCM_IV];

static enum err envelope_key(struct keyring *k, uint32_t key_id, uint8_t type,
                             struct span store_key, struct span salt, uint8_t ret[KEYRING_KEY])
{
    struct span info[] = { span_str("ikestra envelope 1"), span_of(&type, 1), salt, store_key };

    return keyring_expand(k, key_id, info, 4, ret);
}

enum err seal_record_into(struct keyring *k, const struct env *env, enum seal_type type,
                          struct span store_key, const struct token *token, uint64_t version,
                          struct span plain, uint8_t *out)
{
    struct wr w = wr_of(out, HEAD_AND_SALT);
    uint8_t salt[SALT], key[KEYRING_KEY];
    uint32_t key_id = keyring_active(k);
    struct span aad[2];
    enum err e;

    if (key_id == 0)
        return E_NOT_FOUND;
    if (plain.len > LIMIT_RECORD - SEAL_OVERHEAD)
        return E_LIMIT;
    env_random(env, salt, sizeof salt);
    e = envelope_key(k, key_id, (uint8_t)type, store_key, span_of(salt, sizeof salt), key);
    if (e != OK)
        return e;
    wr_u8(&w, ENVELOPE_FORMAT);
    wr_u8(&w, (uint8_t)type);
    wr_u32(&w, key_id);
    wr_u32(&w, token->epoch);
    wr_u16(&w, token->node);
    wr_u32(&w, token->boot);
    wr_u64(&w, version);
    wr_bytes(&w, span_of(salt, sizeof salt));
    assert(wr_ok(&w) == OK && w.len == HEAD_AND_SALT);
    aad[0] = span_of(out, HEAD_AND_SALT);
    aad[1] = store_key;
    e = gcm_encrypt(keyring_cipher(k, true), key, fixed_iv, aad, 2, plain, out + HEAD_AND_SALT);
    wipe(key, sizeof key);
    return e;
}

enum err seal_record(struct keyring *k, const struct env *env, enum seal_type type,
                     struct span store_key, const struct token *token, uint64_t version,
                     struct span plain, struct bytes *ret)
{
    size_t len = plain.len + SEAL_OVERHEAD;
    uint8_t *p;
    enum err e;

    if (plain.len > LIMIT_RECORD - SEAL_OVERHEAD)
        return E_LIMIT;
    p = malloc(len);
    if (p == NULL)
        return E_NOMEM;
    e = seal_record_into(k, env, type, store_key, token, version, plain, p);
    if (e != OK) {
        free(p);
        return e;
    }
    *ret = (struct bytes){ p, len };
    return OK;
}

/* Reads what is in front of the ciphertext; rest holds ciphertext and tag. */
static enum err read_head(struct span envelope, struct seal_info *ret, struct span *ret_salt,
                          struct span *ret_rest)
{
    struct rd r = rd_of(envelope);
    struct seal_info info;
    struct span salt;
    uint8_t format;

    TRY(rd_u8(&r, &format));
    if (format != ENVELOPE_FORMAT)
        return E_BAD_VERSION;
    TRY(rd_u8(&r, &info.type));
    TRY(rd_u32(&r, &info.key_id));
    TRY(rd_u32(&r, &info.token.epoch));
    TRY(rd_u16(&r, &info.token.node));
    TRY(rd_u32(&r, &info.token.boot));
    TRY(rd_u64(&r, &info.version));
    TRY(rd_span(&r, SALT, &salt));
    if (rd_left(&r) < GCM_TAG)
        return E_TRUNCATED;
    *ret = info;
    *ret_salt = salt;
    *ret_rest = rd_rest(&r);
    return OK;
}

enum err seal_peek(struct span envelope, struct seal_info *ret_info)
{
    struct span salt, rest;

    return read_head(envelope, ret_info, &salt, &rest);
}

enum err seal_open(struct keyring *k, enum seal_type type, struct span store_key, uint64_t version,
                   struct span envelope, struct bytes *ret_plain, struct seal_info *ret_info)
{
    struct seal_info info;
    struct span salt, rest, aad[2];
    uint8_t key[KEYRING_KEY], *plain;
    enum err e;

    if (envelope.len > LIMIT_RECORD)
        return E_LIMIT;
    TRY(read_head(envelope, &info, &salt, &rest));
    if (info.type != (uint8_t)type || (version != 0 && info.version != version))
        return E_BAD_VALUE;
    plain = malloc(rest.len); /* at least the tag's length: never zero */
    if (plain == NULL)
        return E_NOMEM;
    e = envelope_key(k, info.key_id, info.type, store_key, salt, key);
    if (e == OK) {
        aad[0] = span_of(envelope.p, HEAD_AND_SALT);
        aad[1] = store_key;
        e = gcm_decrypt(keyring_cipher(k, false), key, fixed_iv, aad, 2, rest, plain);
    }
    wipe(key, sizeof key);
    if (e != OK) {
        free(plain);
        return e;
    }
    *ret_plain = (struct bytes){ plain, rest.len - GCM_TAG };
    if (ret_info != NULL)
        *ret_info = info;
    return OK;
}
