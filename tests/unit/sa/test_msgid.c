#include "node/sa/msgid.h"

#include <criterion/criterion.h>

Test(msgid, requests)
{
    cr_assert_eq(msgid_request(0, 0), MSGID_NEW);
    cr_assert_eq(msgid_request(0, 1), MSGID_AHEAD);
    cr_assert_eq(msgid_request(5, 5), MSGID_NEW);
    cr_assert_eq(msgid_request(5, 4), MSGID_RETRANSMIT);
    cr_assert_eq(msgid_request(5, 3), MSGID_OLD);
    cr_assert_eq(msgid_request(5, 0), MSGID_OLD);
    cr_assert_eq(msgid_request(5, 1000), MSGID_AHEAD);
    cr_assert_str_eq(msgid_verdict_name(MSGID_AHEAD), "ahead");
}

/* DPD answered without a commit, then a request that commits: the record jumps, and what lies
 * between is old. */
Test(msgid, stateless_requests_between)
{
    uint32_t stored = 2;

    cr_assert_eq(msgid_request(stored, 2), MSGID_NEW); /* empty INFORMATIONAL, not stored */
    cr_assert_eq(msgid_request(stored, 3), MSGID_AHEAD);
    cr_assert_eq(msgid_request(stored, 4), MSGID_AHEAD); /* CREATE_CHILD_SA, stored */
    stored = msgid_advance(stored, 4);
    cr_assert_eq(stored, 5);
    cr_assert_eq(msgid_request(stored, 4), MSGID_RETRANSMIT);
    cr_assert_eq(msgid_request(stored, 3), MSGID_OLD);
    cr_assert_eq(msgid_advance(stored, 3), 5, "never back");
}

Test(msgid, the_end_of_the_ids)
{
    cr_assert_eq(msgid_request(0xfffffffe, 0xfffffffe), MSGID_NEW);
    cr_assert_eq(msgid_advance(0xfffffffe, 0xfffffffe), 0xffffffff);
    cr_assert_eq(msgid_request(0xffffffff, 0xffffffff), MSGID_EXHAUSTED);
    cr_assert_eq(msgid_request(7, 0xffffffff), MSGID_EXHAUSTED);
    cr_assert_eq(msgid_advance(0xffffffff, 0xffffffff), 0xffffffff, "no wrap");
    cr_assert_eq(msgid_request(0xffffffff, 0), MSGID_OLD);
}

Test(msgid, responses)
{
    cr_assert_eq(msgid_response(0, false, 0), MSGID_REPLY_UNASKED);
    cr_assert_eq(msgid_response(3, true, 2), MSGID_REPLY_OURS);
    cr_assert_eq(msgid_response(3, false, 2), MSGID_REPLY_STALE, "answered before");
    cr_assert_eq(msgid_response(3, true, 1), MSGID_REPLY_STALE);
    cr_assert_eq(msgid_response(3, true, 3), MSGID_REPLY_UNASKED);
    cr_assert_eq(msgid_response(3, true, 0xffffffff), MSGID_REPLY_UNASKED);
}

Test(msgid, one_request_in_flight)
{
    uint32_t next = 0, id = 99;

    cr_assert_eq(msgid_take(&next, false, &id), OK);
    cr_assert_eq(id, 0);
    cr_assert_eq(next, 1);
    cr_assert_eq(msgid_take(&next, true, &id), E_TEMPORARY);
    cr_assert_eq(next, 1);
    next = 0xfffffffe;
    cr_assert_eq(msgid_take(&next, false, &id), OK);
    cr_assert_eq(msgid_take(&next, false, &id), E_LIMIT);
    cr_assert_eq(id, 0xfffffffe, "untouched on failure");
}
