/* harden: what the process gives up at start: core files, being traced, being swapped out. */
#pragma once

#include "statesync/base/env.h"

/* INV-SECRET. What the system refuses is logged, no reason to stop. */
void harden_process(const struct env *env);
