/* redis_command: operations of store.h -> bytes for Redis. hiredis does the framing. Pure. */
#pragma once

#include "statesync/store/redis_facts.h"
#include "statesync/store/redis_script.h"
#include "statesync/store/store.h"

/* Owned bytes in RESP form. */
struct redis_command {
    char *text;
    size_t len;
};

/* The whole command of an operation. facts: the connection's, needed for STORE_CLAIM.
 * E_BAD_VALUE: a slot, name or count out of range, or the same record twice; E_LIMIT: longer than
 * LIMIT_REDIS_COMMAND; E_NOMEM. */
MUST_USE enum err redis_command_of(const struct store_op *op, uint8_t pop,
                                   const struct redis_scripts *scripts,
                                   const struct redis_facts *facts, struct redis_command *ret_cmd);

/* Any command from n arguments (at most 8). E_NOMEM, E_LIMIT. */
MUST_USE enum err redis_command_args(const struct span *args, size_t n,
                                     struct redis_command *ret_cmd);

/* Wipes (an AUTH holds the password) and frees; zeroes the struct. */
void redis_command_done(struct redis_command *c);
