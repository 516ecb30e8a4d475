#include "node/config/config_json.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 12 };

enum err jdoc_parse(struct jctx *ctx, struct span text, struct json_t **ret)
{
    json_error_t je;
    json_t *doc =
        json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);

    if (doc == NULL) {
        snprintf(ctx->error, CONFIG_ERROR, "line %d, column %d: not valid JSON: %s", je.line,
                 je.column, je.text);
        return E_CONFIG;
    }
    *ret = doc;
    return OK;
}

void jdoc_free(struct json_t *doc)
{
    json_decref(doc);
}

/* "connections[0].children[1].esp[2]: "; nothing for the root. Returns the length. */
static size_t put_path(const struct jat *at, char *out, size_t cap)
{
    const struct jat *chain[DEPTH];
    size_t n = 0, len = 0;

    for (; at != NULL && at->up != NULL && n < DEPTH; at = at->up)
        chain[n++] = at;
    out[0] = '\0';
    for (size_t i = n; i-- > 0 && len < cap;) {
        const struct jat *a = chain[i];

        if (a->key != NULL)
            len += (size_t)snprintf(out + len, cap - len, "%s%.64s", i == n - 1 ? "" : ".", a->key);
        else
            len += (size_t)snprintf(out + len, cap - len, "[%zu]", a->index);
    }
    if (n > 0 && len < cap)
        len += (size_t)snprintf(out + len, cap - len, ": ");
    return len < cap ? len : cap - 1;
}

/* Control characters of a quoted value must not break the one line. */
static void one_line(char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

enum err jfail(const struct jat *at, const char *fmt, ...)
{
    char *out = at->ctx->error;
    size_t len;
    va_list ap;

    if (out[0] != '\0')
        return E_CONFIG;
    len = put_path(at, out, CONFIG_ERROR);
    va_start(ap, fmt);
    vsnprintf(out + len, CONFIG_ERROR - len, fmt, ap);
    va_end(ap);
    one_line(out);
    return E_CONFIG;
}

void jwarn(const struct jat *at, const char *fmt, ...)
{
    struct config *c = at->ctx->cfg;
    size_t len;
    va_list ap;
    char *out;

    if (c->n_warnings == CONFIG_WARNINGS)
        return;
    out = c->warnings[c->n_warnings++];
    len = put_path(at, out, CONFIG_ERROR);
    va_start(ap, fmt);
    vsnprintf(out + len, CONFIG_ERROR - len, fmt, ap);
    va_end(ap);
    one_line(out);
}

static const char *type_words(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "a number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static enum err wrong_type(const struct jat *at, const char *wanted)
{
    return jfail(at, "must be %s, not %s", wanted, type_words(at->v));
}

static bool listed(const char *const *known, const char *key)
{
    for (; *known != NULL; known++)
        if (strcmp(*known, key) == 0)
            return true;
    return false;
}

enum err jobject(const struct jat *at, const char *const *known)
{
    json_t *v = (json_t *)(uintptr_t)at->v;
    char list[300] = "";
    size_t len = 0;
    const char *key;
    json_t *member;

    if (!json_is_object(v))
        return wrong_type(at, "an object");
    for (size_t i = 0; known[i] != NULL && len < sizeof list; i++)
        len +=
            (size_t)snprintf(list + len, sizeof list - len, "%s%s", i == 0 ? "" : ", ", known[i]);
    json_object_foreach(v, key, member)
    {
        if (!listed(known, key))
            return jfail(at, "unknown key \"%.40s\"; known here: %s", key, list);
    }
    return OK;
}

bool jis_object(const struct jat *at)
{
    return json_is_object(at->v);
}

bool jis_array(const struct jat *at)
{
    return json_is_array(at->v);
}

bool jis_string(const struct jat *at)
{
    return json_is_string(at->v);
}

bool jmember(const struct jat *at, const char *key, struct jat *ret)
{
    const json_t *v = json_object_get(at->v, key);

    if (v == NULL)
        return false;
    *ret = (struct jat){ .ctx = at->ctx, .up = at, .key = key, .v = v };
    return true;
}

enum err jneed(const struct jat *at, const char *key, const char *what, struct jat *ret)
{
    struct jat missing = { .ctx = at->ctx, .up = at, .key = key };

    if (jmember(at, key, ret))
        return OK;
    return jfail(&missing, "missing; %s", what);
}

enum err jarray(const struct jat *at, size_t max, size_t *ret_n)
{
    size_t n = json_array_size(at->v);

    if (!json_is_array(at->v))
        return wrong_type(at, "an array");
    if (n > max)
        return jfail(at, "%zu elements; at most %zu are possible", n, max);
    *ret_n = n;
    return OK;
}

struct jat jelement(const struct jat *at, size_t i)
{
    return (struct jat){ .ctx = at->ctx, .up = at, .index = i, .v = json_array_get(at->v, i) };
}

enum err jstring(const struct jat *at, const char **ret)
{
    const char *s = json_string_value(at->v);

    if (s == NULL)
        return wrong_type(at, "a string");
    *ret = s;
    return OK;
}

enum err jtext(const struct jat *at, char *ret, size_t cap)
{
    const char *s;

    TRY(jstring(at, &s));
    if (s[0] == '\0')
        return jfail(at, "must not be empty");
    if (strlen(s) >= cap)
        return jfail(at, "longer than %zu characters", cap - 1);
    snprintf(ret, cap, "%s", s);
    return OK;
}

static enum err in_range(const struct jat *at, uint64_t v, uint64_t min, uint64_t max,
                         uint64_t *ret)
{
    if (v < min || v > max)
        return jfail(at, "%llu is out of range; %llu to %llu", (unsigned long long)v,
                     (unsigned long long)min, (unsigned long long)max);
    *ret = v;
    return OK;
}

enum err jnumber(const struct jat *at, uint64_t min, uint64_t max, uint64_t *ret)
{
    json_int_t v = json_integer_value(at->v);

    if (!json_is_integer(at->v))
        return wrong_type(at, "a whole number");
    if (v < 0)
        return jfail(at, "%lld is out of range; %llu to %llu", (long long)v,
                     (unsigned long long)min, (unsigned long long)max);
    return in_range(at, (uint64_t)v, min, max, ret);
}

enum err jget_text(const struct jat *at, const char *key, char *ret, size_t cap)
{
    struct jat m;

    return jmember(at, key, &m) ? jtext(&m, ret, cap) : OK;
}

enum err jget_bool(const struct jat *at, const char *key, bool *ret)
{
    struct jat m;

    if (!jmember(at, key, &m))
        return OK;
    if (!json_is_boolean(m.v))
        return wrong_type(&m, "true or false");
    *ret = json_is_true(m.v);
    return OK;
}

enum err jget_u64(const struct jat *at, const char *key, uint64_t min, uint64_t max, uint64_t *ret)
{
    struct jat m;

    return jmember(at, key, &m) ? jnumber(&m, min, max, ret) : OK;
}

enum err jget_u32(const struct jat *at, const char *key, uint32_t min, uint32_t max, uint32_t *ret)
{
    uint64_t v = *ret;

    TRY(jget_u64(at, key, min, max, &v));
    *ret = (uint32_t)v;
    return OK;
}

enum err jget_u16(const struct jat *at, const char *key, uint16_t min, uint16_t max, uint16_t *ret)
{
    uint64_t v = *ret;

    TRY(jget_u64(at, key, min, max, &v));
    *ret = (uint16_t)v;
    return OK;
}

enum err jget_u8(const struct jat *at, const char *key, uint8_t min, uint8_t max, uint8_t *ret)
{
    uint64_t v = *ret;

    TRY(jget_u64(at, key, min, max, &v));
    *ret = (uint8_t)v;
    return OK;
}

struct unit {
    char letter;
    uint64_t factor;
};

/* Digits and one unit letter. */
static enum err with_unit(const struct jat *at, const struct unit *units, const char *example,
                          uint64_t *ret)
{
    const char *s;
    char *end;
    unsigned long long n;

    TRY(jstring(at, &s));
    if (s[0] < '0' || s[0] > '9' || strlen(s) > 19)
        return jfail(at, "cannot read \"%.40s\"; %s", s, example);
    n = strtoull(s, &end, 10);
    for (; units->letter != '\0'; units++)
        if (end[0] == units->letter && end[1] == '\0') {
            if (n > UINT64_MAX / units->factor)
                return jfail(at, "\"%.40s\" is too large", s);
            *ret = n * units->factor;
            return OK;
        }
    if (end[0] == '\0') {
        *ret = n;
        return OK;
    }
    return jfail(at, "cannot read \"%.40s\"; %s", s, example);
}

enum err jget_seconds(const struct jat *at, const char *key, uint32_t min, uint32_t max,
                      uint32_t *ret)
{
    static const struct unit units[] = {
        { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { '\0', 0 }
    };
    struct jat m;
    uint64_t v;

    if (!jmember(at, key, &m))
        return OK;
    if (jis_string(&m)) {
        TRY(with_unit(&m, units, "write seconds, or for example \"30s\", \"15m\", \"4h\", \"1d\"",
                      &v));
        TRY(in_range(&m, v, min, max, &v));
    } else {
        TRY(jnumber(&m, min, max, &v));
    }
    *ret = (uint32_t)v;
    return OK;
}

enum err jget_size(const struct jat *at, const char *key, uint64_t *ret)
{
    static const struct unit units[] = { { 'K', 1ull << 10 },
                                         { 'M', 1ull << 20 },
                                         { 'G', 1ull << 30 },
                                         { 'T', 1ull << 40 },
                                         { '\0', 0 } };
    struct jat m;

    if (!jmember(at, key, &m))
        return OK;
    if (jis_string(&m))
        return with_unit(&m, units, "write a number, or for example \"500M\", \"4G\"", ret);
    return jnumber(&m, 0, INT64_MAX, ret);
}
