#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/control/control_codec.h"

static struct control_request good(const char *line)
{
    char error[CONTROL_ERROR];
    struct control_request r = { 0 };

    cr_assert_eq(control_request_parse(span_str(line), &r, error), OK, "%s: %s", line, error);
    return r;
}

Test(control_codec, every_command)
{
    struct control_request r = good("{\"cmd\":\"status\"}");

    cr_assert_eq(r.cmd, CMD_STATUS);
    r = good("{\"cmd\":\"list\",\"conn\":\"a\",\"limit\":5000,\"skip\":7}");
    cr_assert_eq(r.cmd, CMD_LIST);
    cr_assert_str_eq(r.conn, "a");
    cr_assert_eq(r.limit, 5000);
    cr_assert_eq(r.skip, 7);
    r = good("{\"cmd\":\"show\",\"ike\":\"0xFFEEddcc00112233\"}");
    cr_assert_eq(r.ike, 0xffeeddcc00112233u);
    r = good("{\"cmd\":\"initiate\",\"conn\":\"b\",\"timeout\":5}");
    cr_assert_eq(r.timeout_s, 5);
    r = good("{\"cmd\":\"rekey\",\"ike\":\"1\",\"child\":\"ff001122\"}");
    cr_assert_eq(r.child, 0xff001122u);
    cr_assert_eq(r.timeout_s, 30);
    r = good("{\"cmd\":\"terminate\",\"conn\":\"b\",\"all_children\":true}");
    cr_assert(r.all_children);
    cr_assert_eq(good("{\"cmd\":\"drain\"}").cmd, CMD_DRAIN);
    cr_assert(good("{\"cmd\":\"ready\",\"watch\":true}").watch);
    cr_assert_eq(good("{\"cmd\":\"stats\"}").cmd, CMD_STATS);
}

Test(control_codec, what_is_wrong_is_said)
{
    static const struct {
        const char *line, *error;
    } rows[] = {
        { "", "not valid JSON: '[' or '{' expected near end of file" },
        { "[]", "a request is one JSON object" },
        { "{}", "no \"cmd\"; one of status, list, show, initiate, rekey, terminate, drain, ready, "
                "stats" },
        { "{\"cmd\":1}", "no \"cmd\"; one of status, list, show, initiate, rekey, terminate, "
                         "drain, ready, stats" },
        { "{\"cmd\":\"halt\"}", "unknown command \"halt\"; one of status, list, show, initiate, "
                                "rekey, terminate, drain, ready, stats" },
        { "{\"cmd\":\"status\",\"watch\":true}", "status takes no \"watch\"" },
        { "{\"cmd\":\"ready\",\"wacht\":true}", "ready takes no \"wacht\"" },
        { "{\"cmd\":\"ready\",\"watch\":1}", "watch: must be true or false" },
        { "{\"cmd\":\"list\",\"limit\":0}", "limit: must be a number, 1 to 5000" },
        { "{\"cmd\":\"list\",\"limit\":1.5}", "limit: must be a number, 1 to 5000" },
        { "{\"cmd\":\"list\",\"skip\":-1}", "skip: must be a number, 0 to 2147483647" },
        { "{\"cmd\":\"show\"}",
          "show needs either \"conn\" or \"ike\": a connection or one session" },
        { "{\"cmd\":\"terminate\",\"conn\":\"a\",\"ike\":\"1\"}",
          "terminate needs either \"conn\" or \"ike\": a connection or one session" },
        { "{\"cmd\":\"terminate\",\"conn\":\"a\",\"child\":\"1\"}",
          "terminate: \"child\" goes with \"ike\", and not with \"all_children\"" },
        { "{\"cmd\":\"initiate\"}", "initiate needs \"conn\": the name of a connection" },
        { "{\"cmd\":\"initiate\",\"conn\":\"\"}",
          "conn: must be the name of a connection, up to 63 characters" },
        { "{\"cmd\":\"rekey\"}", "rekey needs \"ike\": the session's own SPI, as list shows it" },
        { "{\"cmd\":\"rekey\",\"ike\":\"0\"}", "ike: an SPI is never 0" },
        { "{\"cmd\":\"rekey\",\"ike\":\"12345678123456789\"}",
          "ike: must be a string of up to 16 hex digits, as list shows it" },
        { "{\"cmd\":\"rekey\",\"ike\":\"1\",\"child\":\"-1\"}",
          "child: must be a string of up to 8 hex digits, as list shows it" },
        { "{\"cmd\":\"rekey\",\"ike\":7}",
          "ike: must be a string of up to 16 hex digits, as list shows it" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char error[CONTROL_ERROR];
        struct control_request r, before;

        memset(&r, 0x5a, sizeof r);
        before = r;
        cr_assert_eq(control_request_parse(span_str(rows[i].line), &r, error), E_BAD_VALUE, "%s",
                     rows[i].line);
        cr_assert_str_eq(error, rows[i].error);
        cr_assert_arr_eq(&r, &before, sizeof r);
    }
}

Test(control_codec, too_long_a_line)
{
    static char line[CONTROL_LINE + 2];
    struct control_request r;
    char error[CONTROL_ERROR];

    memset(line, ' ', sizeof line);
    cr_assert_eq(control_request_parse(span_of(line, CONTROL_LINE + 1), &r, error), E_BAD_VALUE);
    cr_assert_str_eq(error, "a request may have 65536 octets");
}

Test(control_codec, every_truncation_and_one_more)
{
    static const char line[] =
        "{\"cmd\":\"terminate\",\"ike\":\"0123456789abcdef\",\"child\":\"01234567\"}";
    struct control_request r;
    char error[CONTROL_ERROR];

    for (size_t n = 0; n < sizeof line - 1; n++)
        cr_assert_eq(control_request_parse(span_of(line, n), &r, error), E_BAD_VALUE, "%zu", n);
    cr_assert_eq(control_request_parse(span_str("{\"cmd\":\"drain\"}}"), &r, error), E_BAD_VALUE);
}

Test(control_codec, there_and_back)
{
    struct control_request in[] = {
        { .cmd = CMD_STATUS, .limit = 1000, .timeout_s = 30 },
        { .cmd = CMD_LIST, .conn = "x", .limit = 10, .skip = 20, .timeout_s = 30 },
        { .cmd = CMD_TERMINATE, .ike = 0x10, .child = 0x20, .limit = 1000, .timeout_s = 9 },
        { .cmd = CMD_TERMINATE, .conn = "y", .all_children = true, .limit = 1000, .timeout_s = 9 },
        { .cmd = CMD_READY, .watch = true, .limit = 1000, .timeout_s = 30 },
    };

    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        char line[512];
        struct control_request out;
        size_t len;

        cr_assert_eq(control_request_write(&in[i], line, sizeof line, &len), OK);
        cr_assert_eq(line[len - 1], '\n');
        line[len - 1] = '\0';
        out = good(line);
        cr_assert_eq(out.cmd, in[i].cmd);
        cr_assert_str_eq(out.conn, in[i].conn);
        cr_assert_eq(out.ike, in[i].ike);
        cr_assert_eq(out.child, in[i].child);
        cr_assert_eq(out.all_children, in[i].all_children);
        cr_assert_eq(out.watch, in[i].watch);
        cr_assert_eq(out.limit, in[i].limit);
        cr_assert_eq(out.skip, in[i].skip);
        cr_assert_eq(out.timeout_s, in[i].timeout_s);
        cr_assert_eq(control_request_write(&in[i], line, 10, &len), E_LIMIT);
    }
}

Test(control_codec, errors_are_one_line_of_json_whatever_they_quote)
{
    char out[600];
    size_t n = control_error_write(out, sizeof out, "bad-request", "say \"x\"\n\xff");

    cr_assert_eq(out[n - 1], '\n');
    cr_assert_eq(strlen(out), n);
    cr_assert_eq(strchr(out, '\n') - out, (long)n - 1);
    n = control_error_write(out, sizeof out, "limit", "a \"b\"\n");
    cr_assert_str_eq(out, "{\"ok\":false,\"error\":\"limit\",\"message\":\"a \\\"b\\\"\\n\"}\n");
}
