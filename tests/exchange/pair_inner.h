/* pair_inner: what the two halves of the harness share. */
#pragma once

#include "tests/exchange/pair.h"

struct now now_of(const struct pair *p);
/* Carries out everything that follows from a step, until the side is quiet. */
void side_run(struct side *s);
