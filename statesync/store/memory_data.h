/* memory_data: the data of the memory store and what each operation does to it. Internal to
 * statesync/store; store_memory.h is the outside. */
#pragma once

#include "statesync/store/store.h"

struct memory_data;

/* An answer that owns what its result points to. */
struct memory_answer {
    struct store_result result;
    struct store_row *rows;
    struct store_entry *entries;
    uint8_t *blob; /* values of entries, or the one value */
};

MUST_USE enum err memory_data_new(struct memory_data **ret);
struct memory_data *memory_data_free(struct memory_data *d);
/* NULL: no memory. */
struct memory_data *memory_data_copy(const struct memory_data *d);

/* Everything that store.h says an operation checks and does, at once. in: the running incarnation.
 * ignore_token, claim_without_cas: planted breaks. Fills kind, ticket, err and the rest of the
 * result. */
struct memory_run {
    struct incarnation in;
    uint64_t now_ms;
    bool ignore_token, claim_without_cas;
};
void memory_data_execute(struct memory_data *d, const struct memory_run *run,
                         const struct store_op *op, struct memory_answer *ret);
void memory_answer_done(struct memory_answer *a);

/* Looking in. */
struct store_row memory_data_row(const struct memory_data *d, uint16_t slot);
bool memory_data_record(const struct memory_data *d, uint16_t slot, uint64_t id,
                        struct store_entry *ret);
bool memory_data_named(const struct memory_data *d, const char *name, uint64_t now_ms,
                       uint64_t *ret_version, struct span *ret_value);
void memory_data_each(const struct memory_data *d, uint16_t slot,
                      bool (*fn)(void *ctx, const struct store_entry *e), void *ctx);
