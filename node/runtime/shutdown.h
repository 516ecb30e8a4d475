/* shutdown: SIGTERM and SIGINT: the first hands all slots over and leaves (with the memory store:
 * deletes all sessions and leaves), the second leaves at once. */
#pragma once

#include <uv.h>
#include <stdbool.h>

struct runtime;
struct action;

struct shutdown {
    struct runtime *rt;
    uv_signal_t term, intr;
    uv_timer_t limit;
    bool leaving, open;
    unsigned waited_ms;
};

void shutdown_open(struct shutdown *s, struct runtime *rt);
void shutdown_close(struct shutdown *s);
/* EV_DRAINED. */
void shutdown_drained(struct shutdown *s);
