/* span: borrowed bytes; bytes: owned bytes; buf: room to write into.
 *
 * A span lives as long as what it points into: for a parameter, the call. Who keeps it copies it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "statesync/base/err.h"

struct span {
    const uint8_t *p;
    size_t len;
};

struct bytes {
    uint8_t *p;
    size_t len;
};

#define SPAN_NONE ((struct span){ NULL, 0 })

static inline struct span span_of(const void *p, size_t len)
{
    return (struct span){ (const uint8_t *)p, len };
}

static inline struct span span_bytes(struct bytes b)
{
    return (struct span){ b.p, b.len };
}

/* The characters of a NUL-terminated string, without the NUL. */
struct span span_str(const char *s);

/* Same length and content. Not constant time: never for secrets (secret.h). */
bool span_eq(struct span a, struct span b);

/* A copy on the heap; E_NOMEM, or ret_b owns it until bytes_free. An empty span gives p == NULL. */
MUST_USE enum err bytes_copy(struct span s, struct bytes *ret_b);

/* Frees and zeroes the struct. */
void bytes_free(struct bytes *b);

/* As bytes_free, wiping first: for bytes that held plaintext of a protected message. */
void bytes_wipe_free(struct bytes *b);
