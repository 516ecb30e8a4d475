#include "statesync/base/err.h"

#include <stddef.h>

static const struct {
    enum err e;
    const char *name;
} names[] = {
    { OK, "ok" },
    { E_TRUNCATED, "truncated" },
    { E_TRAILING, "trailing-bytes" },
    { E_BAD_LENGTH, "bad-length" },
    { E_BAD_VALUE, "bad-value" },
    { E_NOT_ALLOWED, "not-allowed" },
    { E_BAD_VERSION, "bad-version" },
    { E_CRITICAL_PAYLOAD, "critical-payload" },
    { E_INTEGRITY, "integrity" },
    { E_REPLAY, "replay" },
    { E_NO_PROPOSAL, "no-proposal" },
    { E_INVALID_KE, "invalid-ke" },
    { E_AUTH_FAILED, "auth-failed" },
    { E_TS_UNACCEPTABLE, "ts-unacceptable" },
    { E_NO_ADDRESS, "no-address" },
    { E_TEMPORARY, "temporary" },
    { E_STORE_DOWN, "store-down" },
    { E_STORE_UNKNOWN, "store-unknown" },
    { E_CONFLICT, "conflict" },
    { E_LEASE_LOST, "lease-lost" },
    { E_NOT_FOUND, "not-found" },
    { E_NOMEM, "no-memory" },
    { E_LIMIT, "limit" },
    { E_CRYPTO, "crypto" },
    { E_CONFIG, "config" },
    { E_IO, "io" },
    { E_UNSUPPORTED, "unsupported" },
};

const char *err_name(enum err e)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].e == e)
            return names[i].name;
    return "unknown";
}
