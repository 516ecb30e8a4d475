/* control_server: the UNIX socket. Lines in, lines out; docs/cli.md.
 *
 * Several clients at once, each with bounded input and output: one that sends too long a line, or
 * does not read its answers, is cut off. Nothing here waits for anybody. Access is by the socket's
 * file mode (0660). */
#pragma once

#include <uv.h>

#include "node/control/control_cmds.h"

struct control_server;

struct control_server_config {
    uv_loop_t *loop;
    const char *path;
    /* Fills the view for one command. */
    void (*view)(void *ctx, struct control_view *ret);
    /* Runs (and resets) the actions of one command. */
    void (*run)(void *ctx, struct actions *acts);
    void *ctx;
};

/* E_IO: error says what to do. A socket file that nobody listens on is replaced; one with a
 * listener is "another ikestrad". */
MUST_USE enum err control_server_new(const struct control_server_config *cfg,
                                     struct control_server **ret, char error[CONTROL_ERROR]);
/* Ends all clients (pending requests get no answer any more) and removes the socket file. Memory
 * goes when the loop has closed the handles. */
void control_server_close(struct control_server *s);

/* An ACT_EVENT of any step. */
void control_server_event(struct control_server *s, const struct action *ev);
/* After each step: clients that watch are told of a change. */
void control_server_ready(struct control_server *s, bool ready);
