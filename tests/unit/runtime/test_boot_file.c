#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/runtime/boot_file.h"

static char dir[] = "/tmp/ik-boot-XXXXXX", path[64];

static void make(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/boot", dir);
}

static void clean(void)
{
    unlink(path);
    cr_assert_eq(rmdir(dir), 0, "nothing but the file itself is left");
}

TestSuite(boot_file, .init = make, .fini = clean);

static void put(const char *text)
{
    FILE *f = fopen(path, "w");

    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

Test(boot_file, never_the_same_twice_whatever_the_clock_says)
{
    uint32_t boot = 0;

    cr_assert_eq(boot_file_next(path, 1000, &boot), OK);
    cr_assert_eq(boot, 1000);
    cr_assert_eq(boot_file_next(path, 1000, &boot), OK);
    cr_assert_eq(boot, 1001, "the same second");
    cr_assert_eq(boot_file_next(path, 500, &boot), OK);
    cr_assert_eq(boot, 1002, "the clock went back");
    cr_assert_eq(boot_file_next(path, 2000, &boot), OK);
    cr_assert_eq(boot, 2000);
    cr_assert_eq(boot_file_keep(path, 3000), OK);
    cr_assert_eq(boot_file_next(path, 2001, &boot), OK);
    cr_assert_eq(boot, 3001, "what the store made of it counts too");
}

Test(boot_file, no_file_configured)
{
    uint32_t boot = 0;

    cr_assert_eq(boot_file_next("", 77, &boot), OK);
    cr_assert_eq(boot, 77);
    cr_assert_eq(boot_file_keep("", 78), OK);
    put("");
}

Test(boot_file, anything_else_in_the_file_is_refused)
{
    static const char *const bad[] = {
        "",
        "ikestra-state 1 ",
        "ikestra-state 1 \n",
        "ikestra-state 1 5",
        "ikestra-state 1 5\nmore",
        "ikestra-state 1 -5\n",
        "ikestra-state 1 4294967296\n",
        "ikestra-state 1 99999999999999999999999\n",
        "ikestra-state 2 5\n",
        "5\n",
        "ikestra-state 1 4294967295\n", /* there is no larger one */
    };
    uint32_t boot = 42;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(bad[i]);
        cr_assert_eq(boot_file_next(path, 7, &boot), E_BAD_VALUE, "%s", bad[i]);
        cr_assert_eq(boot, 42);
    }
}

Test(boot_file, a_directory_that_is_not_there)
{
    uint32_t boot = 42;

    put("");
    cr_assert_eq(boot_file_next("/tmp/ik-nowhere/boot", 7, &boot), E_IO);
    cr_assert_eq(boot, 42);
}
