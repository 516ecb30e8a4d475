/* fake_redis: a server on the test's own loop that speaks just enough Redis to be accepted, and
 * then says what the test wants: hostile, late, too much, nothing. */
#pragma once

#include <uv.h>

#include "statesync/base/span.h"

enum { FAKE_CONNS = 16 };

struct fake_conn {
    uv_pipe_t pipe;
    struct fake_redis *fake;
    bool open, greeted;
    size_t commands; /* received after the greeting */
};

struct fake_redis {
    uv_loop_t *loop;
    char dir[64], path[96];
    uv_pipe_t listener;
    struct fake_conn conns[FAKE_CONNS];
    unsigned n_conns;        /* accepted so far */
    char replid;             /* digit that its ids are made of */
    const char *role;        /* "master" */
    struct span greeting;    /* instead of a proper greeting; empty: proper */
    struct span answer;      /* after the greeting: said once for each chunk received */
    bool close_after;        /* then close */
    bool silent;             /* say nothing, not even the greeting */
    uint8_t seen[64 * 1024]; /* what came after the greeting, on any connection */
    size_t n_seen;
};

void fake_redis_start(struct fake_redis *f, uv_loop_t *loop);
/* Says something unasked on the newest connection. */
void fake_redis_say(struct fake_redis *f, struct span s);
void fake_redis_hang_up(struct fake_redis *f);
/* Closes its handles; the loop must run once more. */
void fake_redis_done(struct fake_redis *f);
