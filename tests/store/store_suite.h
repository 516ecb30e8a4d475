/* store_suite: what every backend of statesync/store/store.h must do, as one list of cases.
 *
 * A backend's test fills a struct suite_backend, then runs each case on an empty store. The suite
 * knows no test framework: a failed check calls fail, which must not return. */
#pragma once

#include "statesync/store/store.h"

struct suite_backend {
    void *ctx;
    /* A new connection to the one store; the suite sets on_result, on_state and ctx at once, uses
     * it, and frees it through its ops. */
    struct store *(*connect)(void *ctx);
    /* Let time pass for the connection: deliver what is due. Called again and again until what the
     * case waits for is there; may block for a few milliseconds. */
    void (*pump)(void *ctx, struct store *s);
    /* Let at least ms milliseconds pass on the store's clock for TTLs. */
    void (*wait)(void *ctx, unsigned ms);
    void (*fail)(void *ctx, const char *file, int line, const char *what);
};

struct suite_case {
    const char *name;
    void (*run)(const struct suite_backend *b);
};

/* Ends with a name of NULL. */
extern const struct suite_case store_suite[];
enum { STORE_SUITE_CASES = 20 }; /* checked against the list */
