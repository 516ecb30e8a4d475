#include "node/sa/msgid.h"

/* RFC 7296 2.2: message IDs do not wrap; the IKE SA is closed before. The last value is never used,
 * so expected never wraps either. */
enum { MSGID_SPARE = 1 };

static const uint32_t last_usable = UINT32_MAX - MSGID_SPARE;

enum msgid_verdict msgid_request(uint32_t expected, uint32_t id)
{
    if (id == expected)
        return id > last_usable ? MSGID_EXHAUSTED : MSGID_NEW;
    if (id > expected)
        return id > last_usable ? MSGID_EXHAUSTED : MSGID_AHEAD;
    return expected - id == 1 ? MSGID_RETRANSMIT : MSGID_OLD;
}

uint32_t msgid_advance(uint32_t expected, uint32_t id)
{
    if (id < expected || id > last_usable)
        return expected;
    return id + 1;
}

enum msgid_reply msgid_response(uint32_t next, bool in_flight, uint32_t id)
{
    if (id >= next)
        return MSGID_REPLY_UNASKED;
    return in_flight && id == next - 1 ? MSGID_REPLY_OURS : MSGID_REPLY_STALE;
}

enum err msgid_take(uint32_t *next, bool in_flight, uint32_t *ret_id)
{
    if (in_flight)
        return E_TEMPORARY;
    if (*next > last_usable)
        return E_LIMIT;
    *ret_id = *next;
    *next += 1;
    return OK;
}
