#include "statesync/base/map.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void *val(uint64_t n)
{
    return (void *)(uintptr_t)(n + 1);
}

Test(map, empty)
{
    struct map m = { 0 };

    cr_assert_null(map_get(&m, 0));
    map_remove(&m, 7);
    map_done(&m);
    map_done(&m);
}

Test(map, replaces)
{
    struct map m = { 0 };

    cr_assert_eq(map_put(&m, 5, val(1)), OK);
    cr_assert_eq(map_put(&m, 5, val(2)), OK);
    cr_assert_eq(m.n, 1);
    cr_assert_eq(map_get(&m, 5), val(2));
    map_done(&m);
}

Test(map, keys_at_the_edges)
{
    static const uint64_t keys[] = { 0, 1, UINT64_MAX, UINT64_MAX - 1, 1ull << 63, 1ull << 32 };
    struct map m = { 0 };

    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(map_put(&m, keys[i], val(i)), OK);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(map_get(&m, keys[i]), val(i));
    cr_assert_null(map_get(&m, 2));
    map_done(&m);
}

/* Against a plain array, with many collisions, removals in between and growth. */
Test(map, model)
{
    enum { KEYS = 3000 };
    static uint64_t model[KEYS]; /* 0: not there */
    static const uint64_t strides[] = { 1, 1u << 16, 1ull << 40 };
    uint64_t random = 42;

    for (size_t s = 0; s < 3; s++) {
        struct map m = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < KEYS; i++)
            model[i] = 0;
        for (unsigned step = 0; step < 60000; step++) {
            uint64_t k, v;

            random = random * 6364136223846793005u + 1442695040888963407u;
            k = (random >> 33) % KEYS;
            v = (random >> 20) % 1000 + 1;
            if ((random >> 60) % 3 != 0) {
                cr_assert_eq(map_put(&m, k * strides[s], val(v)), OK);
                n += model[k] == 0;
                model[k] = v;
            } else {
                map_remove(&m, k * strides[s]);
                n -= model[k] != 0;
                model[k] = 0;
            }
            cr_assert_eq(m.n, n);
        }
        for (uint64_t k = 0; k < KEYS; k++)
            cr_assert_eq(map_get(&m, k * strides[s]), model[k] == 0 ? NULL : val(model[k]));
        map_done(&m);
    }
}
