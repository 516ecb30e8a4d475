#include "statesync/store/redis_form.h"

#include <stdio.h>
#include <string.h>

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

static void key_print(struct redis_key *ret_k, uint8_t pop, uint16_t slot, const char *what)
{
    int n = snprintf(ret_k->text, sizeof ret_k->text, "ikestra:{%u:%u}:%s", pop, slot, what);

    ret_k->len = (size_t)n;
}

void redis_key_row(uint8_t pop, uint16_t slot, struct redis_key *ret_k)
{
    key_print(ret_k, pop, slot, "row");
}

void redis_key_slot(uint8_t pop, uint16_t slot, struct redis_key *ret_k)
{
    key_print(ret_k, pop, slot, "s");
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '.' || c == '_' ||
           c == '-';
}

enum err redis_key_object(uint8_t pop, const char *name, struct redis_key *ret_k)
{
    size_t len = name == NULL ? 0 : strnlen(name, LIMIT_STORE_NAME + 1);
    int n;

    if (len == 0 || len > LIMIT_STORE_NAME)
        return E_BAD_VALUE;
    for (size_t i = 0; i < len; i++) {
        if (!name_char(name[i]))
            return E_BAD_VALUE;
    }
    n = snprintf(ret_k->text, sizeof ret_k->text, "ikestra:{%u}:o:%s", pop, name);
    ret_k->len = (size_t)n;
    return OK;
}

void redis_token_write(const struct token *t, uint8_t out[REDIS_TOKEN_LEN])
{
    struct wr w = wr_of(out, REDIS_TOKEN_LEN);

    wr_u8(&w, REDIS_ROW_FORMAT);
    wr_u32(&w, t->epoch);
    wr_u16(&w, t->node);
    wr_u32(&w, t->boot);
}

enum err redis_row_parse(struct span value, struct store_row *ret_row)
{
    struct rd r = rd_of(value);
    struct store_row row = { 0 };
    uint8_t format;

    if (value.len == 0) {
        *ret_row = row;
        return OK;
    }
    TRY(rd_u8(&r, &format));
    if (format != REDIS_ROW_FORMAT)
        return E_BAD_VERSION;
    if (value.len != REDIS_ROW_LEN)
        return E_BAD_LENGTH;
    TRY(rd_u32(&r, &row.token.epoch));
    TRY(rd_u16(&r, &row.token.node));
    TRY(rd_u32(&r, &row.token.boot));
    TRY(rd_bytes(&r, row.vouched.id, sizeof row.vouched.id));
    TRY(rd_end(&r));
    /* Epoch 0 means that nobody ever owned the slot; then there is no row. */
    if (row.token.epoch == 0)
        return E_BAD_VALUE;
    *ret_row = row;
    return OK;
}

void redis_u64_write(uint64_t v, uint8_t out[REDIS_VERSION_LEN])
{
    struct wr w = wr_of(out, REDIS_VERSION_LEN);

    wr_u64(&w, v);
}

enum err redis_value_parse(struct span stored, uint64_t *ret_version, struct span *ret_value)
{
    struct rd r = rd_of(stored);
    uint64_t version;

    TRY(rd_u64(&r, &version));
    if (version == 0)
        return E_BAD_VALUE;
    *ret_version = version;
    *ret_value = rd_rest(&r);
    return OK;
}
