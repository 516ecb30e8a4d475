/* vectors: tests/vectors/crypto/vectors.json for tests. Hex values come back as spans that live as
 * long as the program. */
#pragma once

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/env.h"
#include "statesync/base/secret.h"
#include "statesync/base/span.h"

/* Everything handed out stays reachable from here, so that the leak checker only sees real leaks.
 */
static json_t *vectors_all;
static struct chunk {
    struct chunk *next;
    uint8_t octets[];
} * vectors_chunks;

static inline json_t *vectors(const char *section)
{
    json_error_t err;
    json_t *s;

    if (vectors_all == NULL)
        vectors_all = json_load_file(TEST_SOURCE_DIR "/tests/vectors/crypto/vectors.json", 0, &err);
    s = json_object_get(vectors_all, section);
    cr_assert(json_array_size(s) > 0, "no vectors in section %s", section);
    return s;
}

static inline struct span unhex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    struct chunk *c = malloc(sizeof *c + len + 1);

    cr_assert(c != NULL && strlen(hex) % 2 == 0);
    c->next = vectors_chunks;
    vectors_chunks = c;
    for (size_t i = 0; i < len; i++) {
        unsigned v;

        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &v), 1);
        c->octets[i] = (uint8_t)v;
    }
    return span_of(c->octets, len);
}

static inline struct span vec_hex(json_t *v, const char *key)
{
    const char *s = json_string_value(json_object_get(v, key));

    cr_assert(s != NULL, "no %s", key);
    return unhex(s);
}

static inline uint16_t vec_u16(json_t *v, const char *key)
{
    json_t *n = json_object_get(v, key);

    cr_assert(json_is_integer(n), "no %s", key);
    return (uint16_t)json_integer_value(n);
}

static inline struct secret vec_secret(struct span s)
{
    struct secret x = { 0 };

    cr_assert_eq(secret_set(&x, s), OK);
    return x;
}

#define cr_assert_span_eq(got, want)                                                               \
    do {                                                                                           \
        struct span got_ = (got), want_ = (want);                                                  \
        cr_assert_eq(got_.len, want_.len);                                                         \
        cr_assert(got_.len == 0 || memcmp(got_.p, want_.p, got_.len) == 0, "other octets");        \
    } while (0)

/* A seeded generator for struct env. */
static inline void test_random(void *ctx, uint8_t *out, size_t len)
{
    uint64_t *x = ctx;

    for (size_t i = 0; i < len; i++) {
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        out[i] = (uint8_t)(*x >> 24);
    }
}
