/* autostart: connections with "start": "auto" begin once this node has a slot to begin them in. */
#pragma once

#include <stdbool.h>

struct runtime;

struct autostart {
    bool done;
};

/* After each step; adds to the runtime's actions. */
void autostart_step(struct autostart *a, struct runtime *rt);
