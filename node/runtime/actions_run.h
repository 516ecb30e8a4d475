/* actions_run: each action to its outlet. */
#pragma once

struct runtime;
struct action;

void actions_run_one(struct runtime *rt, const struct action *a);
