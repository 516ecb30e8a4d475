/* config_json: typed, checked access to JSON for the configuration reader. The only file of the
 * folder that sees jansson.
 *
 * A struct jat is a value and its place in the file; it lives on the stack of the reader and points
 * to the one it is inside of, so an error can print the whole path. Getters leave their output
 * untouched when a key is absent and fail, once and for all, when it has the wrong type or value.
 */
#pragma once

#include "node/config/config.h"

struct json_t;

struct jctx {
    char *error; /* CONFIG_ERROR octets; "" until something is wrong */
    char dir[CONFIG_PATH];
    struct config *cfg; /* takes warnings */
};

struct jat {
    struct jctx *ctx;
    const struct jat *up;
    const char *key; /* NULL: index */
    size_t index;
    const struct json_t *v;
};

/* A parsed text; E_CONFIG with line and column in the error. Free with jdoc_free. */
MUST_USE enum err jdoc_parse(struct jctx *ctx, struct span text, struct json_t **ret);
void jdoc_free(struct json_t *doc);

/* Writes "path: message" and returns E_CONFIG. */
__attribute__((format(printf, 2, 3))) enum err jfail(const struct jat *at, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void jwarn(const struct jat *at, const char *fmt, ...);

/* at must be an object with no keys besides those of the list, which ends with NULL. */
MUST_USE enum err jobject(const struct jat *at, const char *const *known);
bool jis_object(const struct jat *at);
bool jis_array(const struct jat *at);
bool jis_string(const struct jat *at);
/* false: absent. */
bool jmember(const struct jat *at, const char *key, struct jat *ret);
/* As jmember; absent is an error that says what is missing (what: "say ..."). */
MUST_USE enum err jneed(const struct jat *at, const char *key, const char *what, struct jat *ret);
/* at must be an array of at most max elements. */
MUST_USE enum err jarray(const struct jat *at, size_t max, size_t *ret_n);
struct jat jelement(const struct jat *at, size_t i);

/* The value itself. */
MUST_USE enum err jstring(const struct jat *at, const char **ret);
MUST_USE enum err jtext(const struct jat *at, char *ret, size_t cap); /* non-empty, fits */
MUST_USE enum err jnumber(const struct jat *at, uint64_t min, uint64_t max, uint64_t *ret);

/* Members by key; absent: OK and untouched. */
MUST_USE enum err jget_text(const struct jat *at, const char *key, char *ret, size_t cap);
MUST_USE enum err jget_bool(const struct jat *at, const char *key, bool *ret);
MUST_USE enum err jget_u64(const struct jat *at, const char *key, uint64_t min, uint64_t max,
                           uint64_t *ret);
MUST_USE enum err jget_u32(const struct jat *at, const char *key, uint32_t min, uint32_t max,
                           uint32_t *ret);
MUST_USE enum err jget_u16(const struct jat *at, const char *key, uint16_t min, uint16_t max,
                           uint16_t *ret);
MUST_USE enum err jget_u8(const struct jat *at, const char *key, uint8_t min, uint8_t max,
                          uint8_t *ret);
/* A number of seconds, or a number with s, m, h or d behind it ("4h"); fractions are refused. */
MUST_USE enum err jget_seconds(const struct jat *at, const char *key, uint32_t min, uint32_t max,
                               uint32_t *ret);
/* A number, or a number with K, M, G or T (powers of 1024) behind it. */
MUST_USE enum err jget_size(const struct jat *at, const char *key, uint64_t *ret);
