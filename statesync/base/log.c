#include "statesync/base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = { "debug", "info", "warning", "error", "off" };

    return (unsigned)level < sizeof names / sizeof names[0] ? names[level] : "off";
}

struct line {
    char *p;
    size_t len, cap; /* cap leaves room for the closing brace and the newline */
};

static void put(struct line *l, const char *s, size_t n)
{
    if (n <= l->cap - l->len) {
        memcpy(l->p + l->len, s, n);
        l->len += n;
    }
}

static void put_text(struct line *l, const char *s, size_t n)
{
    put(l, "\"", 1);
    for (size_t i = 0; i < n && l->cap - l->len > 8; i++) {
        unsigned char c = (unsigned char)s[i];
        char esc[8];

        if (c == '"' || c == '\\') {
            esc[0] = '\\';
            esc[1] = (char)c;
            put(l, esc, 2);
        } else if (c < 0x20 || c >= 0x7f) {
            snprintf(esc, sizeof esc, "\\u%04x", c);
            put(l, esc, 6);
        } else {
            put(l, s + i, 1);
        }
    }
    put(l, "\"", 1);
}

static void put_field(struct line *l, const struct log_field *f)
{
    size_t start = l->len;
    char num[32];
    int n = 0;

    if (l->cap - l->len < strlen(f->key) + 48)
        return;
    put(l, ",\"", 2);
    put(l, f->key, strlen(f->key));
    put(l, "\":", 2);
    switch (f->kind) {
    case LF_STR:
        put_text(l, f->v.str == NULL ? "" : f->v.str, f->v.str == NULL ? 0 : strlen(f->v.str));
        break;
    case LF_BYTES:
        put_text(l, f->v.str, f->len);
        break;
    case LF_U64:
        n = snprintf(num, sizeof num, "%llu", (unsigned long long)f->v.u64);
        break;
    case LF_I64:
        n = snprintf(num, sizeof num, "%lld", (long long)f->v.i64);
        break;
    case LF_HEX64:
        n = snprintf(num, sizeof num, "\"%016llx\"", (unsigned long long)f->v.u64);
        break;
    case LF_HEX32:
        n = snprintf(num, sizeof num, "\"%08llx\"", (unsigned long long)f->v.u64);
        break;
    case LF_NONE:
        l->len = start;
        break;
    }
    if (n > 0)
        put(l, num, (size_t)n);
}

size_t log_format_json(char *out, size_t cap, uint64_t wall_ms, enum log_level level,
                       const char *event, const struct log_field *fields)
{
    struct line l = { out, 0, cap - 2 };
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    char t[64];
    int n;

    gmtime_r(&s, &tm);
    n = snprintf(t, sizeof t, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",\"level\":",
                 (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                 tm.tm_sec, (int)(wall_ms % 1000));
    put(&l, t, (size_t)n);
    put_text(&l, log_level_name(level), strlen(log_level_name(level)));
    put(&l, ",\"event\":", 9);
    put_text(&l, event, strlen(event) > 64 ? 64 : strlen(event));
    for (; fields != NULL && fields->key != NULL; fields++)
        put_field(&l, fields);
    out[l.len++] = '}';
    out[l.len++] = '\n';
    return l.len;
}
