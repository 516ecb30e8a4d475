/* token, incarnation, SPI layout: the few values that say who may write what.
 *
 * token: the current owner of a slot. Compared for equality and whole: two nodes may hold the same
 * epoch after the store lost a claim. incarnation: names one life of a store shard's primary. */
#pragma once

#include "statesync/base/span.h"
#include "statesync/base/limits.h"

struct token {
    uint32_t epoch; /* rises at each claim; 0: nobody has ever owned the slot */
    uint16_t node;  /* 12 bits */
    uint32_t boot;  /* boot second of that node */
};

/* First 16 octets of SHA-256 over the primary's run id and replication id. All zero: unknown. */
struct incarnation {
    uint8_t id[16];
};

static inline bool token_eq(const struct token *a, const struct token *b)
{
    return a->epoch == b->epoch && a->node == b->node && a->boot == b->boot;
}

bool incarnation_eq(const struct incarnation *a, const struct incarnation *b);
bool incarnation_known(const struct incarnation *a);

/* IKE SPI: pop:6 | slot:12 | random:46.  ESP SPI: pop:6 | slot:12 | id:14, pop >= 1, so that the
 * reserved SPIs 0..255 (RFC 4303 2.1) never occur. Nothing else in the project knows these bits. */
uint64_t ike_spi_make(uint8_t pop, uint16_t slot, uint64_t random);
uint8_t ike_spi_pop(uint64_t spi);
uint16_t ike_spi_slot(uint64_t spi);
uint32_t esp_spi_make(uint8_t pop, uint16_t slot, uint16_t id);
uint8_t esp_spi_pop(uint32_t spi);
uint16_t esp_spi_slot(uint32_t spi);
