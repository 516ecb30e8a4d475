/* store_io: the configured store on the loop. */
#pragma once

#include <uv.h>

#include "node/config/config.h"
#include "statesync/store/store_memory.h"

struct runtime;

struct store_io {
    struct runtime *rt;
    struct store *store;
    struct memstore *memory; /* the embedded one */
    uv_idle_t idle;
    bool idle_open;
    struct store_state state;
    bool told;
};

MUST_USE enum err store_io_open(struct store_io *s, struct runtime *rt, char error[CONFIG_ERROR]);
void store_io_close(struct store_io *s);
/* After the loop has released the handles. */
void store_io_free(struct store_io *s);
