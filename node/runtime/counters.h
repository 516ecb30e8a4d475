/* counters: what the shell adds to the control socket's "stats". */
#pragma once

#include "node/control/control_cmds.h"

enum { COUNTERS_MAX = 80 };

struct runtime;

size_t counters_read(const struct runtime *rt, struct control_counter *ret, size_t cap);
