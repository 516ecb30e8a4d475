/* fixed_env: "randomness" that counts, so that sealed bytes are the same in every run. */
#pragma once

#include "statesync/base/env.h"

static inline void fixed_random(void *ctx, uint8_t *out, size_t len)
{
    uint8_t *next = ctx;

    for (size_t i = 0; i < len; i++)
        out[i] = (*next)++;
}

static inline struct env fixed_env(uint8_t *counter)
{
    return (struct env){ .ctx = counter, .random = fixed_random };
}

/* 32 octets: first, first, ... */
static inline struct span fixed_key(uint8_t out[32], uint8_t value)
{
    for (size_t i = 0; i < 32; i++)
        out[i] = value;
    return span_of(out, 32);
}
