/* runtime: the daemon around the pure node: one libuv loop, one thread.
 *
 * Every callback does the same: takes bytes out of libuv or a socket, calls one function of
 * node/core/node.h with rt->acts, and calls runtime_step_done, which runs the actions. The data
 * plane's events never lead to a step from within a call of the data plane: they go through the
 * inbox (dataplane_io), which is emptied between steps. So no step begins inside another one. */
#pragma once

#include <uv.h>

#include "node/config/config.h"
#include "node/control/control_server.h"
#include "node/core/node.h"
#include "node/runtime/autostart.h"
#include "node/runtime/cluster_io.h"
#include "node/runtime/counters.h"
#include "node/runtime/dataplane_io.h"
#include "node/runtime/inner_addr.h"
#include "node/runtime/log_sink.h"
#include "node/runtime/shutdown.h"
#include "node/runtime/store_io.h"
#include "node/runtime/timer_io.h"
#include "node/runtime/udp_io.h"

#define IKESTRA_VERSION "0.1.0"

struct runtime {
    uv_loop_t loop;
    struct config *cfg; /* borrowed */
    struct env env;
    struct log_sink log;
    struct keyring *keyring;
    struct node *node;
    struct actions acts;
    bool running;       /* actions are being run */
    bool started;       /* node_start was called */
    uint32_t boot_kept; /* boot second in the state file */
    uint64_t started_wall_ms;
    struct udp_io udp;
    struct cluster_io cluster;
    struct dataplane_io dp;
    struct store_io store;
    struct timer_io timer;
    struct autostart autostart;
    struct inner_addr inner;
    struct shutdown shutdown;
    struct control_server *control; /* NULL: none */
    uint64_t events;                /* steps, for stats */
    struct control_counter counters[COUNTERS_MAX];
};

/* Everything is open and the node has started. E_*: error says in one line what to do. */
MUST_USE enum err runtime_start(struct runtime *rt, struct config *cfg, char error[CONFIG_ERROR]);
/* Until shutdown. */
void runtime_run(struct runtime *rt);
/* Closes what is open; also after a failed start. */
void runtime_stop(struct runtime *rt);

struct now runtime_now(void);
/* Runs rt->acts, then whatever the data plane has to say, until nothing is left. */
void runtime_step_done(struct runtime *rt);
