#include <criterion/criterion.h>
#include <string.h>

#include "lb-helper/health/ready_codec.h"

Test(ready_codec, answers)
{
    bool ready = false;

    cr_assert_eq(ready_parse(span_str("{\"ok\":true,\"ready\":true}"), &ready), OK);
    cr_assert(ready);
    cr_assert_eq(ready_parse(span_str("{\"ready\": false, \"ok\": true, \"node\": 3}"), &ready),
                 OK);
    cr_assert_not(ready);
}

Test(ready_codec, everything_else_is_refused_and_touches_nothing)
{
    const char *bad[] = { "",
                          "{}",
                          "[]",
                          "true",
                          "{\"ok\":true}",
                          "{\"ready\":true}",
                          "{\"ok\":false,\"ready\":true}",
                          "{\"ok\":true,\"ready\":1}",
                          "{\"ok\":true,\"ready\":\"true\"}",
                          "{\"ok\":true,\"ready\":true} x",
                          "{\"ok\":true,\"ready\":true,\"ready\":false}" };
    bool ready = true;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(ready_parse(span_str(bad[i]), &ready), E_BAD_VALUE, "%s", bad[i]);
    cr_assert(ready);
}

Test(ready_codec, every_truncation)
{
    const char *line = "{\"ok\":true,\"ready\":true}";
    bool ready = false;

    for (size_t n = 0; n < strlen(line); n++)
        cr_assert_eq(ready_parse(span_of(line, n), &ready), E_BAD_VALUE);
    cr_assert_not(ready);
}

Test(ready_codec, request_is_one_line)
{
    struct span r = ready_request();

    cr_assert_eq(r.p[r.len - 1], '\n');
    cr_assert_null(memchr(r.p, '\n', r.len - 1));
}
