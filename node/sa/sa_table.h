/* sa_table: finds sessions: by our IKE SPI, by a half-open peer's first message, by inbound ESP
 * SPI; and orders them by their next deadline. Owns the sessions. */
#pragma once

#include "node/sa/ike_sa.h"
#include "statesync/base/map.h"

struct sa_table {
    struct map by_spi;   /* own IKE SPI */
    struct map by_init;  /* responder: (remote, SPIi) mixed with secret */
    struct map by_child; /* inbound ESP SPI -> its session */
    struct ike_sa **heap;
    size_t n_heap, cap_heap;
    uint64_t secret;
};

/* secret: random; keeps a peer from choosing colliding keys. */
void sa_table_init(struct sa_table *t, uint64_t secret);
/* Frees every session. */
void sa_table_done(struct sa_table *t);

/* slot_head: the list of its slot. E_NOMEM; E_CONFLICT: the SPI is there already. */
MUST_USE enum err sa_table_add(struct sa_table *t, struct ike_sa *sa, struct ike_sa **slot_head);
/* Out of everything; the caller frees. */
void sa_table_remove(struct sa_table *t, struct ike_sa *sa);
struct ike_sa *sa_table_find(const struct sa_table *t, uint64_t own_spi);
struct ike_sa *sa_table_find_init(const struct sa_table *t, const struct endpoint *remote,
                                  uint64_t spi_i);
struct ike_sa *sa_table_find_child(const struct sa_table *t, uint32_t spi_in);
/* Makes by_child agree with sa->r.children (after any change of them). */
MUST_USE enum err sa_table_index_children(struct sa_table *t, struct ike_sa *sa);
void sa_table_unindex_child(struct sa_table *t, const struct ike_sa *sa, uint32_t spi_in);

/* Sets the session's deadline; UINT64_MAX: none. */
void sa_table_schedule(struct sa_table *t, struct ike_sa *sa, uint64_t due_ms);
/* The session that is due first; NULL: none. */
struct ike_sa *sa_table_first_due(const struct sa_table *t);
