/* request_ts: the selectors that we proposed, kept in the record with our request in flight, so that any
 * node can check the answer against them. Two lists, each with a 16-bit length in front, in the form of a
 * TS payload body (RFC 7296 3.13): ours first. */
#pragma once

#include "node/wire/pl_ts.h"
#include "statesync/record/session_record.h"

/* Replaces rq->ts. E_LIMIT, E_NOMEM: unchanged. */
MUST_USE enum err request_ts_keep(struct rec_request *rq, const struct ts *local, size_t n_local,
                                  const struct ts *remote, size_t n_remote);
/* Room for LIMIT_SELECTORS each. E_TRUNCATED and the like: the record is damaged; E_LIMIT. */
MUST_USE enum err request_ts_get(const struct rec_request *rq, struct ts *ret_local,
                                 size_t *ret_n_local, struct ts *ret_remote, size_t *ret_n_remote);
