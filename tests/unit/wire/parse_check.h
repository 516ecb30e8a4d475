/* parse_check: runs a parser over every truncation of a valid input, one byte too many, and every
 * octet changed. Each try is a heap copy of the exact size, so the address sanitizer sees one octet
 * read too far. */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

typedef enum err (*parse_fn)(struct rd body);

static inline enum err parse_copy(parse_fn f, const uint8_t *p, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    enum err e;

    cr_assert_not_null(copy);
    if (len > 0)
        memcpy(copy, p, len);
    e = f(rd_of(span_of(copy, len)));
    free(copy);
    return e;
}

/* Every proper prefix fails. */
static inline void check_truncations(parse_fn f, struct span valid)
{
    cr_assert_eq(parse_copy(f, valid.p, valid.len), OK);
    for (size_t n = 0; n < valid.len; n++)
        cr_assert_neq(parse_copy(f, valid.p, n), OK, "prefix of %zu octets was accepted", n);
}

/* No prefix is read beyond its end; some may be valid (payloads whose last field is open). */
static inline void touch_truncations(parse_fn f, struct span valid)
{
    cr_assert_eq(parse_copy(f, valid.p, valid.len), OK);
    for (size_t n = 0; n < valid.len; n++)
        (void)parse_copy(f, valid.p, n);
}

static inline void check_trailing(parse_fn f, struct span valid)
{
    uint8_t *more = malloc(valid.len + 1);

    cr_assert_not_null(more);
    memcpy(more, valid.p, valid.len);
    more[valid.len] = 0;
    cr_assert_neq(parse_copy(f, more, valid.len + 1), OK, "one octet too many was accepted");
    free(more);
}

/* Every octet takes every value: no crash, no read outside. */
static inline void touch_octets(parse_fn f, struct span valid)
{
    uint8_t *m = malloc(valid.len);

    cr_assert_not_null(m);
    memcpy(m, valid.p, valid.len);
    for (size_t i = 0; i < valid.len; i++) {
        for (unsigned v = 0; v < 256; v++) {
            m[i] = (uint8_t)v;
            (void)parse_copy(f, m, valid.len);
        }
        m[i] = valid.p[i];
    }
    free(m);
}
