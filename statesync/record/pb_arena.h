/* pb_arena: memory for one protobuf-c unpack, all wiped and given back at once.
 *
 * protobuf-c copies every field, keys too, into allocations of its own; freeing them by its own
 * walk would leave the keys in the heap. Bounded: hostile input cannot make it take more than
 * PB_ARENA_MAX, whatever empty submessages it repeats. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "statesync/base/span.h"

enum { PB_ARENA_FIRST = 8192, PB_ARENA_MAX = 1024 * 1024 };

struct pb_chunk;

struct pb_arena {
    ProtobufCAllocator allocator; /* for xxx__unpack; free does nothing */
    size_t used;                  /* of first */
    size_t taken;                 /* octets handed out in all */
    struct pb_chunk *chunks;      /* what did not fit */
    _Alignas(16) uint8_t first[PB_ARENA_FIRST];
};

/* The struct must not move afterwards. */
void pb_arena_init(struct pb_arena *a);
/* Wipes and frees; everything unpacked with it is gone. */
void pb_arena_done(struct pb_arena *a);
