/* redis_script: the three compare-and-set scripts that run inside Redis, and their names.
 *
 * A script is named by the SHA-1 of its text, as EVALSHA wants it; that is a name, not a
 * protection. What each takes and returns stands above its text in redis_script.c. */
#pragma once

#include "statesync/base/span.h"

enum redis_script { SCRIPT_COMMIT, SCRIPT_CLAIM, SCRIPT_PUT, SCRIPT_COUNT };

enum { REDIS_SHA_LEN = 40 };

struct redis_scripts {
    char sha[SCRIPT_COUNT][REDIS_SHA_LEN + 1]; /* lower-case hexadecimal */
};

void redis_scripts_init(struct redis_scripts *ret_scripts);

/* The text; lives for ever. */
struct span redis_script_text(enum redis_script s);
