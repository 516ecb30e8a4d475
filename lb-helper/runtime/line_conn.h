/* line_conn: a UNIX stream socket that is kept connected. Used for the daemon's control socket and
 * for BIRD's.
 *
 * Connects at start and again every retry_ms after a refusal or the end of the stream. Hands bytes
 * to its owner as they come; says once per connection that it is up and once that it is down. The
 * owner embeds it and outlives it: line_conn_close calls on_closed when the memory may go. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "statesync/base/span.h"

struct line_conn;

struct line_conn_events {
    void (*up)(struct line_conn *c);
    void (*down)(struct line_conn *c, const char *why);
    void (*data)(struct line_conn *c, struct span bytes);
};

struct line_conn {
    uv_loop_t *loop;
    uv_pipe_t pipe;
    uv_timer_t retry;
    uv_connect_t connect;
    const char *path; /* borrowed for the life of the connection */
    const struct line_conn_events *events;
    void *owner;
    unsigned retry_ms;
    bool pipe_open; /* the handle exists and is not closing */
    bool up;
    bool closing;
    int open_handles;
    char buf[4096];
};

void line_conn_start(struct line_conn *c, uv_loop_t *loop, const char *path, unsigned retry_ms,
                     const struct line_conn_events *events, void *owner);

/* Queues a copy of the bytes. Ignored when not up: the next connection starts afresh. */
void line_conn_send(struct line_conn *c, struct span bytes);

/* Ends this connection as if the peer had; it is tried again after retry_ms. */
void line_conn_reset(struct line_conn *c, const char *why);

/* No more events; the handles close in the loop. */
void line_conn_close(struct line_conn *c);
