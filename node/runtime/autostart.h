/* autostart: connections with "start": "auto" are begun when the node is ready, and again when they
 * end or fail, after 1 s, then twice as long each time, up to a minute.
 *
 * In a cluster one node does it: the owner of a slot that follows from the connection's name. A
 * session that was begun by a node that died goes on elsewhere by its record; only where no node
 * here has one, a new one is begun. */
#pragma once

#include <stdbool.h>
#include <uv.h>

struct runtime;
struct action;
struct autostart_conn;

struct autostart {
    struct runtime *rt;
    uv_timer_t timer;
    struct autostart_conn *conns; /* those with "auto" */
    size_t n;
    bool open;
};

void autostart_open(struct autostart *a, struct runtime *rt);
void autostart_close(struct autostart *a);
/* Any ACT_EVENT. */
void autostart_event(struct autostart *a, const struct action *ev);
