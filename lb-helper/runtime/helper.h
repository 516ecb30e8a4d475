/* helper: ikestra-lb's loop. Joins the daemon's readiness, the decision (announce_fsm) and BIRD.
 *
 * The connection to the daemon's control socket is the health check that matters: the kernel closes
 * it in the moment the daemon dies, whatever killed it. A daemon that hangs keeps its socket open;
 * so the question is repeated every probe_ms, and silence for hang_ms counts as gone. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "lb-helper/announce/announce_fsm.h"
#include "lb-helper/announce/bird_codec.h"
#include "lb-helper/health/ready_codec.h"
#include "lb-helper/runtime/line_conn.h"

enum { HELPER_PROTOCOLS_MAX = 16 };

struct helper_config {
    const char *control_path;
    const char *bird_path;
    const char *protocols[HELPER_PROTOCOLS_MAX];
    unsigned n_protocols;
    unsigned rise_ms;
    unsigned probe_ms;
    unsigned hang_ms;
};

struct helper {
    struct helper_config config;
    uv_loop_t *loop;
    struct line_conn daemon;
    struct line_conn bird;
    uv_timer_t probe;
    uv_timer_t decide;
    uv_timer_t leave;
    uv_signal_t sig_term;
    uv_signal_t sig_int;
    struct announce_fsm fsm;
    struct bird_reader bird_reader;
    bool greeted;              /* BIRD's opening line was read */
    unsigned unanswered;       /* commands sent to BIRD, replies outstanding */
    bool refused;              /* one of them was refused */
    char line[READY_LINE_MAX]; /* the daemon's line so far */
    size_t line_len;
    uint64_t heard_ms; /* the daemon's last line */
    bool leaving;
};

/* Starts everything on the loop; the caller runs it. It ends by itself after SIGTERM or SIGINT,
 * with the routes withdrawn. *h must stay until the loop has ended. */
void helper_start(struct helper *h, uv_loop_t *loop, const struct helper_config *config);
