#include "statesync/record/pb_arena.h"

#include <stdlib.h>

#include "statesync/base/secret.h"

struct pb_chunk {
    struct pb_chunk *next;
    size_t len;
    _Alignas(16) uint8_t data[];
};

static void *arena_alloc(void *ctx, size_t len)
{
    struct pb_arena *a = ctx;
    struct pb_chunk *c;
    size_t at = (a->used + 15) & ~(size_t)15;

    if (len > PB_ARENA_MAX - a->taken)
        return NULL;
    a->taken += len;
    if (at <= PB_ARENA_FIRST && len <= PB_ARENA_FIRST - at) {
        a->used = at + len;
        return a->first + at;
    }
    c = malloc(sizeof *c + len);
    if (c == NULL)
        return NULL;
    *c = (struct pb_chunk){ .next = a->chunks, .len = len };
    a->chunks = c;
    return c->data;
}

static void arena_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

void pb_arena_init(struct pb_arena *a)
{
    a->allocator = (ProtobufCAllocator){ arena_alloc, arena_free, a };
    a->used = 0;
    a->taken = 0;
    a->chunks = NULL;
}

void pb_arena_done(struct pb_arena *a)
{
    struct pb_chunk *c, *next;

    wipe(a->first, a->used);
    for (c = a->chunks; c != NULL; c = next) {
        next = c->next;
        wipe(c, sizeof *c + c->len);
        free(c);
    }
    a->chunks = NULL;
    a->used = 0;
}
