/* crypto: one-time start of the crypto layer.
 *
 * Fetches the OpenSSL algorithm objects that every other file here uses: a fetch by name takes
 * locks and string compares, more than the HMAC it is for. Contexts are kept per thread and are
 * never shared. All of it is read-only state, the same at every node and run; nothing decides by
 * it. */
#pragma once

#include "statesync/base/err.h"

/* Called by every entry point itself; a program calls it first so that a broken library is an error
 * at start (E_CRYPTO), not in a handshake. Thread safe, cheap when done. */
MUST_USE enum err crypto_init(void);
