/* store_key: the full names under which things of ours are in the store. They are bound into every
 * envelope, so they are the same whatever backend holds the value. docs/formats/envelope.md */
#pragma once

#include "statesync/base/span.h"

enum { STORE_KEY_MAX = 96 };

/* "ikestra:{pop:slot}:r:0123456789abcdef": the record id of slot; id in 16 lower-case hex digits.
 */
struct span store_key_record(uint8_t pop, uint16_t slot, uint64_t id, char out[STORE_KEY_MAX]);
/* "ikestra:{pop}:n:name": a named object of the PoP (STORE_PUT). name up to 63 octets of
 * [a-z0-9:._-]; longer ones are cut, which is our own mistake. */
struct span store_key_named(uint8_t pop, const char *name, char out[STORE_KEY_MAX]);
