#include "node/runtime/autostart.h"

#include "node/runtime/runtime.h"

void autostart_step(struct autostart *a, struct runtime *rt)
{
    const struct policy *p = &rt->cfg->policy;

    if (a->done || !node_ready(rt->node) || node_engine(rt->node) == NULL)
        return;
    a->done = true;
    for (size_t i = 0; i < p->n_conns; i++)
        if (p->conns[i].n_children > 0 && p->conns[i].children[0].start == START_AUTO)
            engine_initiate(node_engine(rt->node), runtime_now(), p->conns[i].name, 0, &rt->acts);
}
