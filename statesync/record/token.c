#include "statesync/record/token.h"

#include "statesync/base/span.h"

bool incarnation_eq(const struct incarnation *a, const struct incarnation *b)
{
    return span_eq(span_of(a->id, sizeof a->id), span_of(b->id, sizeof b->id));
}

bool incarnation_known(const struct incarnation *a)
{
    static const struct incarnation none;

    return !incarnation_eq(a, &none);
}

uint64_t ike_spi_make(uint8_t pop, uint16_t slot, uint64_t random)
{
    return (uint64_t)(pop & 0x3f) << 58 | (uint64_t)(slot & 0xfff) << 46 |
           (random & (((uint64_t)1 << 46) - 1));
}

uint8_t ike_spi_pop(uint64_t spi)
{
    return (uint8_t)(spi >> 58);
}

uint16_t ike_spi_slot(uint64_t spi)
{
    return (uint16_t)(spi >> 46 & 0xfff);
}

uint32_t esp_spi_make(uint8_t pop, uint16_t slot, uint16_t id)
{
    return (uint32_t)(pop & 0x3f) << 26 | (uint32_t)(slot & 0xfff) << 14 | (id & 0x3fffu);
}

uint8_t esp_spi_pop(uint32_t spi)
{
    return (uint8_t)(spi >> 26);
}

uint16_t esp_spi_slot(uint32_t spi)
{
    return (uint16_t)(spi >> 14 & 0xfff);
}
