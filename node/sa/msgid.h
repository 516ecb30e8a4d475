/* msgid: what a message ID means, window 1. RFC 7296 2.1, 2.2, 2.3.
 *
 * Values in, a verdict out; the counters live in the session's record. We never send
 * SET_WINDOW_SIZE, so a peer has one request in flight, and we keep to one as well.
 *
 * Requests that implied no state (an empty INFORMATIONAL, a refusal) were answered without a commit
 * (DESIGN.md, "The life of a message"): the record's expected ID lags behind. So an authenticated
 * request ahead of it is normal and is treated as new; the IDs between were answered by somebody
 * and will not come back with another content. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "statesync/base/err.h"

enum msgid_verdict {
    MSGID_NEW,        /* the expected request */
    MSGID_AHEAD,      /* beyond it: new, IDs between were stateless */
    MSGID_RETRANSMIT, /* the last one that we answered: same reply again, or silence */
    MSGID_OLD,        /* before that: silence */
    MSGID_EXHAUSTED,  /* IDs are used up; the IKE SA must be closed (RFC 7296 2.2) */
};

/* The ID of a request that passed its integrity check. expected: next ID of the peer's requests. */
enum msgid_verdict msgid_request(uint32_t expected, uint32_t id);

/* expected after this request was executed. Only for MSGID_NEW and MSGID_AHEAD. */
uint32_t msgid_advance(uint32_t expected, uint32_t id);

enum msgid_reply {
    MSGID_REPLY_OURS,    /* answers our request in flight */
    MSGID_REPLY_STALE,   /* answers an earlier one: ignore */
    MSGID_REPLY_UNASKED, /* an ID that we have not sent: ignore, count */
};

/* The ID of a response. next: next ID of our requests; in_flight: request next - 1 is unanswered.
 */
enum msgid_reply msgid_response(uint32_t next, bool in_flight, uint32_t id);

/* Takes the ID for a new request of ours from *next. E_TEMPORARY: one is in flight. E_LIMIT: IDs
 * are used up. */
MUST_USE enum err msgid_take(uint32_t *next, bool in_flight, uint32_t *ret_id);

static inline const char *msgid_verdict_name(enum msgid_verdict v)
{
    static const char *const names[] = { "new", "ahead", "retransmit", "old", "exhausted" };

    return names[v];
}
