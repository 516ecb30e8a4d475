#include <criterion/criterion.h>

#include "statesync/record/token.h"

Test(token, compared_whole)
{
    struct token a = { 5, 7, 1000 }, b = a;

    cr_assert(token_eq(&a, &b));
    b.epoch++;
    cr_assert(!token_eq(&a, &b));
    b = a;
    b.node++;
    cr_assert(!token_eq(&a, &b));
    b = a;
    b.boot++;
    cr_assert(!token_eq(&a, &b));
}

Test(token, incarnations)
{
    struct incarnation a = { { 0 } }, b = { { 0 } };

    cr_assert(!incarnation_known(&a));
    b.id[15] = 1;
    cr_assert(incarnation_known(&b));
    cr_assert(!incarnation_eq(&a, &b));
    a.id[15] = 1;
    cr_assert(incarnation_eq(&a, &b));
}

Test(token, spis_say_where_state_lives)
{
    uint64_t ike = ike_spi_make(63, 4095, UINT64_MAX);
    uint32_t esp = esp_spi_make(1, 0, 0);

    cr_assert_eq(ike, UINT64_MAX);
    cr_assert_eq(ike_spi_pop(ike_spi_make(5, 1234, 99)), 5);
    cr_assert_eq(ike_spi_slot(ike_spi_make(5, 1234, 99)), 1234);
    cr_assert_eq(ike_spi_make(1, 0, 0), (uint64_t)1 << 58);
    cr_assert_eq(esp_spi_pop(esp_spi_make(63, 4095, 0x3fff)), 63);
    cr_assert_eq(esp_spi_slot(esp_spi_make(63, 4095, 0x3fff)), 4095);
    /* RFC 4303 2.1 reserves 1 to 255; with pop >= 1 they never occur. */
    cr_assert_gt(esp, 255);
    /* What does not fit never reaches into another field. */
    cr_assert_eq(ike_spi_slot(ike_spi_make(1, 2, UINT64_MAX)), 2);
    cr_assert_eq(esp_spi_slot(esp_spi_make(1, 2, UINT16_MAX)), 2);
}
