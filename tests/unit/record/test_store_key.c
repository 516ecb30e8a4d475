#include <criterion/criterion.h>

#include "statesync/record/store_key.h"

static void expect(struct span s, const char *text)
{
    cr_assert(span_eq(s, span_str(text)), "%.*s", (int)s.len, (const char *)s.p);
}

Test(store_key, names)
{
    char out[STORE_KEY_MAX];

    expect(store_key_record(1, 77, 0x44d0123456789ab, out), "ikestra:{1:77}:r:044d0123456789ab");
    expect(store_key_record(63, 4095, UINT64_MAX, out), "ikestra:{63:4095}:r:ffffffffffffffff");
    expect(store_key_named(1, "membership", out), "ikestra:{1}:n:membership");
}

Test(store_key, long_names_are_cut)
{
    char name[100], out[STORE_KEY_MAX];
    struct span s;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    s = store_key_named(63, name, out);
    cr_assert_eq(s.len, strlen("ikestra:{63}:n:") + 63);
}
