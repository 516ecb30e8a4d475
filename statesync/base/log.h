/* log: the shape of a structured log event. Who prints it is decided by the shell (struct env).
 *
 * Event names are stable identifiers: lower case, dashes. Fields never carry a secret. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "statesync/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

enum log_kind { LF_NONE, LF_STR, LF_U64, LF_I64, LF_HEX64, LF_HEX32, LF_BYTES };

struct log_field {
    const char *key; /* NULL ends a list */
    enum log_kind kind;
    union {
        const char *str;
        uint64_t u64;
        int64_t i64;
    } v;
    size_t len; /* LF_BYTES: text of this length at v.str, not NUL-terminated, may hold any octet */
};

#define F_STR(k, s)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LF_STR, .v.str = (s)                                                   \
    }
#define F_U64(k, n)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LF_U64, .v.u64 = (n)                                                   \
    }
#define F_I64(k, n)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LF_I64, .v.i64 = (n)                                                   \
    }
#define F_SPI(k, n)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LF_HEX64, .v.u64 = (n)                                                 \
    }
#define F_SPI32(k, n)                                                                              \
    {                                                                                              \
        .key = (k), .kind = LF_HEX32, .v.u64 = (n)                                                 \
    }
#define F_ERR(k, e)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LF_STR, .v.str = err_name(e)                                           \
    }
#define F_TEXT(k, s)                                                                               \
    {                                                                                              \
        .key = (k), .kind = LF_BYTES, .v.str = (const char *)(s).p, .len = (s).len                 \
    }

/* One line of JSON with "time" (RFC 3339, UTC), "level", "event" and the fields; control octets and
 * invalid UTF-8 escaped. Returns the length written, with a newline and without NUL; truncates
 * fields that do not fit, never the closing brace. cap >= 256. */
size_t log_format_json(char *out, size_t cap, uint64_t wall_ms, enum log_level level,
                       const char *event, const struct log_field *fields);

const char *log_level_name(enum log_level level);
