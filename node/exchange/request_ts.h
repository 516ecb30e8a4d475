/* request_ts: the traffic selectors that our own request proposed, kept in r.request.ts until its
 * answer is checked against them, on whatever node that is.
 *
 * Form: TSi body, then TSr body (RFC 7296 3.13), each behind its length in 2 octets. In a request
 * of ours TSi is our side ("local"), TSr the peer's ("remote"). */
#pragma once

#include "node/wire/pl_ts.h"
#include "statesync/record/session_record.h"

/* Replaces rq->ts. E_LIMIT: more than LIMIT_SELECTORS on a side; E_NOMEM. rq is untouched on
 * failure. */
MUST_USE enum err request_ts_keep(struct rec_request *rq, const struct ts *local, size_t n_local,
                                  const struct ts *remote, size_t n_remote);

/* E_TRUNCATED, E_BAD_VALUE, E_LIMIT: not what request_ts_keep wrote. */
MUST_USE enum err request_ts_get(const struct rec_request *rq, struct ts ret_local[LIMIT_SELECTORS],
                                 size_t *ret_n_local, struct ts ret_remote[LIMIT_SELECTORS],
                                 size_t *ret_n_remote);
