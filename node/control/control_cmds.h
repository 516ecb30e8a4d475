/* control_cmds: what each command of the control socket does and answers.
 *
 * Reads the node through its public headers. A command that starts an exchange is answered when its
 * event comes (ACT_EVENT with the id that was drawn here); control_event_final says when. */
#pragma once

#include "node/control/control_codec.h"
#include "node/core/node.h"

struct json_t;

struct control_view {
    struct node *node;
    const struct policy *policy;
    struct now now;
    uint16_t node_id;
    const char *node_name, *version, *store, *dataplane;
    bool store_up;
    const char *store_reason;
    uint64_t started_wall_ms;
    /* Counters that the shell adds to "stats"; names are static. May be empty. */
    const struct control_counter *counters;
    size_t n_counters;
};

struct control_counter {
    const char *group, *name;
    uint64_t value;
};

enum control_outcome {
    CONTROL_DONE,   /* *ret_reply is the answer */
    CONTROL_PENDING /* waits for the event that carries id */
};

/* id: unique, not 0. *ret_reply is owned by the caller (a JSON line with newline, from malloc). */
enum control_outcome control_execute(const struct control_view *v, const struct control_request *r,
                                     uint64_t id, struct actions *out, char **ret_reply);

/* Whether ev, which carries the id of r, ends r; if so *ret_reply is the answer. */
bool control_event_final(const struct control_request *r, const struct action *ev,
                         char **ret_reply);
/* The answer when nothing came in time. */
char *control_timeout_reply(const struct control_request *r);
char *control_ready_reply(bool ready);
