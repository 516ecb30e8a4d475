/* Which event ends which request, and what is said then. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "node/control/control_cmds.h"

static bool final(enum control_cmd cmd, uint32_t child, enum act_event_kind kind, enum err err,
                  const char *wanted)
{
    struct control_request r = { .cmd = cmd, .child = child, .timeout_s = 3 };
    struct action ev = { .kind = ACT_EVENT,
                         .event = kind,
                         .event_id = 1,
                         .event_spi = 0x0400003bcaa00388,
                         .spi_in = 0x04003cfd,
                         .err = err };
    char *reply = NULL;
    bool is = control_event_final(&r, &ev, &reply);

    cr_assert_eq(is, reply != NULL);
    if (is) {
        cr_assert_eq(reply[strlen(reply) - 1], '\n');
        cr_assert_not_null(strstr(reply, wanted), "%s", reply);
    }
    free(reply);
    return is;
}

static const char good[] = "{\"ok\":true,\"ike\":\"0400003bcaa00388\",\"child\":\"04003cfd\"}\n";

Test(control_cmds, success)
{
    cr_assert(final(CMD_INITIATE, 0, EV_CHILD_UP, OK, good));
    cr_assert(final(CMD_REKEY, 0, EV_IKE_UP, OK, good));
    cr_assert(final(CMD_REKEY, 7, EV_CHILD_UP, OK, good));
    cr_assert(final(CMD_TERMINATE, 0, EV_IKE_DOWN, OK, good));
    cr_assert(final(CMD_TERMINATE, 7, EV_CHILD_DOWN, OK, good));
    cr_assert(final(CMD_DRAIN, 0, EV_DRAINED, OK, "{\"ok\":true"));
}

Test(control_cmds, events_on_the_way_end_nothing)
{
    cr_assert_not(final(CMD_INITIATE, 0, EV_IKE_UP, OK, ""));
    cr_assert_not(final(CMD_REKEY, 7, EV_IKE_UP, OK, ""));
    cr_assert_not(final(CMD_REKEY, 7, EV_CHILD_DOWN, OK, ""));
    cr_assert_not(final(CMD_TERMINATE, 0, EV_CHILD_DOWN, OK, ""));
}

Test(control_cmds, failures_say_what_to_look_at)
{
    cr_assert(final(CMD_INITIATE, 0, EV_FAILED, E_AUTH_FAILED,
                    "{\"ok\":false,\"error\":\"auth-failed\",\"message\":\"authentication failed; "
                    "see the log of both ends\"}"));
    cr_assert(final(CMD_INITIATE, 0, EV_FAILED, E_NOT_FOUND, "no such connection"));
    cr_assert(final(CMD_REKEY, 0, EV_FAILED, E_NOT_FOUND, "no such session on this node"));
    cr_assert(final(CMD_INITIATE, 0, EV_FAILED, E_NO_PROPOSAL, "none of our suites"));
    cr_assert(final(CMD_REKEY, 7, EV_IKE_DOWN, OK, "\"error\":\"gone\""));
}

Test(control_cmds, a_wait_that_is_over)
{
    struct control_request r = { .cmd = CMD_REKEY, .timeout_s = 3 };
    char *reply = control_timeout_reply(&r);

    cr_assert_str_eq(reply,
                     "{\"ok\":false,\"error\":\"timeout\",\"message\":\"rekey was begun but is not "
                     "done after 3 s; see list and the log\"}\n");
    free(reply);
    reply = control_ready_reply(true);
    cr_assert_str_eq(reply, "{\"ok\":true,\"ready\":true}\n");
    free(reply);
}
