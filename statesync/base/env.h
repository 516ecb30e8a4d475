/* env: what the pure core needs from outside besides bytes and time: randomness and a log.
 *
 * Passed in at start, faked in tests and in the simulator (one seed decides all). */
#pragma once

#include "statesync/base/log.h"
#include "statesync/base/span.h"

struct env {
    void *ctx;
    /* Fill out with unpredictable octets. Never fails in production (aborts instead). */
    void (*random)(void *ctx, uint8_t *out, size_t len);
    /* May be NULL: nothing is logged. fields ends with a key of NULL. */
    void (*log)(void *ctx, enum log_level level, const char *event, const struct log_field *fields);
    enum log_level log_level;
    /* Planted breaks (statesync/base/breaks.h): 0 in production. */
    uint64_t breaks;
};

static inline void env_random(const struct env *e, uint8_t *out, size_t len)
{
    e->random(e->ctx, out, len);
}

/* Uniform in [0, bound), bound > 0. */
uint64_t env_uniform(const struct env *e, uint64_t bound);

/* The operating system's generator (OpenSSL RAND_bytes); for struct env.random. Aborts on failure.
 */
void env_os_random(void *ctx, uint8_t *out, size_t len);

/* LOG(env, LOG_INFO, "ike-sa-established", F_SPI("spi_r", spi), F_STR("peer", name)); */
#define LOG(e, lvl, event, ...)                                                                    \
    do {                                                                                           \
        if ((e)->log != NULL && (lvl) >= (e)->log_level)                                           \
            (e)->log((e)->ctx, (lvl), (event), (struct log_field[]){ __VA_ARGS__, { 0 } });        \
    } while (0)
