#include "statesync/base/log.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/env.h"

/* Formats into a heap buffer of exactly cap octets, so the sanitizer sees an overrun. */
static char *format(size_t cap, const struct log_field *fields)
{
    char *out = malloc(cap + 1), *exact = malloc(cap);
    size_t n = log_format_json(exact, cap, 1700000000123, LOG_INFO, "test-event", fields);

    cr_assert_leq(n, cap);
    cr_assert_eq(exact[n - 1], '\n');
    cr_assert_eq(exact[n - 2], '}');
    memcpy(out, exact, n);
    out[n] = '\0';
    free(exact);
    return out;
}

Test(log, every_kind_of_field)
{
    struct span text = span_str("a\"b\\c\n\x80");
    struct log_field f[] = { F_STR("s", "text"),  F_U64("u", UINT64_MAX), F_I64("i", -5),
                             F_SPI("spi", 0xabc), F_SPI32("esp", 0x1f),   F_ERR("err", E_LIMIT),
                             F_TEXT("t", text),   F_STR("null", NULL),    { 0 } };
    char *out = format(1024, f);

    cr_assert_str_eq(out, "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\","
                          "\"event\":\"test-event\",\"s\":\"text\",\"u\":18446744073709551615,"
                          "\"i\":-5,\"spi\":\"0000000000000abc\",\"esp\":\"0000001f\","
                          "\"err\":\"limit\",\"t\":\"a\\\"b\\\\c\\u000a\\u0080\",\"null\":\"\"}\n");
    free(out);
    out = format(256, NULL);
    cr_assert_not_null(strstr(out, "\"event\":\"test-event\"}"));
    free(out);
}

static bool balanced(const char *s)
{
    bool quoted = false;

    for (; *s != '\0'; s++) {
        if (quoted && *s == '\\')
            s++;
        else if (*s == '"')
            quoted = !quoted;
    }
    return !quoted;
}

Test(log, what_does_not_fit_is_cut_but_stays_json)
{
    char longest[2000];

    for (size_t n = 0; n < sizeof longest - 1; n++)
        longest[n] = n % 3 == 0 ? '\x01' : n % 3 == 1 ? '"' : 'x';
    longest[sizeof longest - 1] = '\0';
    for (size_t cap = 256; cap < 600; cap++) {
        struct log_field f[] = { F_STR("a", longest), F_U64("b", 1), F_STR("c", longest), { 0 } };
        char *out = format(cap, f);

        cr_assert(balanced(out), "%s", out);
        free(out);
    }
}

static int events;

static void count(void *ctx, enum log_level level, const char *event,
                  const struct log_field *fields)
{
    (void)ctx;
    cr_assert_eq(level, LOG_WARN);
    cr_assert_str_eq(event, "seen");
    cr_assert_str_eq(fields[0].key, "n");
    cr_assert_null(fields[1].key);
    events++;
}

Test(log, level_and_sink)
{
    struct env e = { .log = count, .log_level = LOG_WARN };

    LOG(&e, LOG_INFO, "below", F_U64("n", 1));
    LOG(&e, LOG_WARN, "seen", F_U64("n", 1));
    e.log_level = LOG_OFF;
    LOG(&e, LOG_ERROR, "off", F_U64("n", 1));
    e.log = NULL;
    LOG(&e, LOG_WARN, "nowhere", F_U64("n", 1));
    cr_assert_eq(events, 1);
    cr_assert_str_eq(log_level_name(LOG_WARN), "warning");
    cr_assert_str_eq(log_level_name((enum log_level)77), "off");
}
