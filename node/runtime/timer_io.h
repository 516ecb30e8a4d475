/* timer_io: the node's next deadline as one timer. */
#pragma once

#include <uv.h>

struct runtime;

struct timer_io {
    struct runtime *rt;
    uv_timer_t timer;
    uint64_t at_ms;
    int open;
};

void timer_io_open(struct timer_io *t, struct runtime *rt);
void timer_io_close(struct timer_io *t);
/* After each step. */
void timer_io_set(struct timer_io *t);
