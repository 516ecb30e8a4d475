/* redis_reader: bytes from the socket -> reply trees, with bounds that hiredis does not have:
 * octets of one reply, elements of one reply (a header of 8 octets may announce millions). */
#pragma once

#include "statesync/base/span.h"

struct redis_reader;
struct redisReply;

MUST_USE enum err redis_reader_new(size_t max_octets, size_t max_elements,
                                   struct redis_reader **ret_r);
struct redis_reader *redis_reader_free(struct redis_reader *r);

/* E_LIMIT: the reply under way is too long; E_NOMEM. The reader is unusable after an error. */
MUST_USE enum err redis_reader_feed(struct redis_reader *r, struct span s);

/* OK with a tree to be freed by redis_reply_free, or OK with NULL: more bytes are needed.
 * E_BAD_VALUE: not the Redis protocol; E_LIMIT: too many elements. */
MUST_USE enum err redis_reader_next(struct redis_reader *r, struct redisReply **ret_reply);

void redis_reply_free(struct redisReply *reply);
