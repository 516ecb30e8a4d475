/* fuzz: what every target shares. No time, no randomness, no state between inputs. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A writer with room for everything that a message can hold. */
static inline struct wr fuzz_writer(void)
{
    static uint8_t room[128 * 1024];

    return wr_of(room, sizeof room);
}

/* What was written equals what was read. */
static inline void must_equal(const struct wr *w, const uint8_t *data, size_t size)
{
    MUST(wr_ok(w) == OK);
    MUST(span_eq(wr_span(w), span_of(data, size)));
}

/* The input's first octet, to choose between variants; the rest stays in *data, *size. */
static inline uint8_t fuzz_choice(const uint8_t **data, size_t *size)
{
    uint8_t c = 0;

    if (*size > 0) {
        c = **data;
        *data += 1;
        *size -= 1;
    }
    return c;
}
