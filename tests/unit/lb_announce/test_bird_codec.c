#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lb-helper/announce/bird_codec.h"

static struct span text(const char *s)
{
    return span_str(s);
}

/* Feeds the whole stream; the replies seen. */
static unsigned replies(struct bird_reader *r, const char *stream, struct bird_reply *last)
{
    struct span in = text(stream);
    bool complete;
    unsigned n = 0;

    while (in.len > 0) {
        cr_assert_eq(bird_reader_feed(r, &in, &complete, last), OK);
        n += complete;
    }
    return n;
}

Test(bird_codec, the_four_forms_of_a_line)
{
    struct bird_line l;

    cr_assert_eq(bird_line_parse(text("0001 BIRD 2.0.12 ready."), &l), OK);
    cr_assert(l.code == 1 && l.ends && !l.spontaneous && l.text.len == 18);
    cr_assert_eq(bird_line_parse(text("0011-anycast: enabled"), &l), OK);
    cr_assert(l.code == 11 && !l.ends);
    cr_assert_eq(bird_line_parse(text(" more of it"), &l), OK);
    cr_assert(l.code == 0 && !l.ends && !l.spontaneous);
    cr_assert_eq(bird_line_parse(text("+spontaneous"), &l), OK);
    cr_assert(l.spontaneous && !l.ends);
    cr_assert_eq(bird_line_parse(text("0000"), &l), OK);
    cr_assert(l.code == 0 && l.ends && l.text.len == 0);
}

Test(bird_codec, every_truncation_of_a_line)
{
    const char *line = "9001 syntax error";
    struct bird_line l;

    for (size_t n = 0; n < 4; n++)
        cr_assert_eq(bird_line_parse(span_of(line, n), &l), E_BAD_VALUE);
    for (size_t n = 4; n <= strlen(line); n++) {
        cr_assert_eq(bird_line_parse(span_of(line, n), &l), OK);
        cr_assert(l.code == 9001 && l.ends);
    }
}

Test(bird_codec, what_is_not_birds)
{
    struct bird_line l = { .code = 77 };

    cr_assert_eq(bird_line_parse(text("HTTP/1.0 400"), &l), E_BAD_VALUE);
    cr_assert_eq(bird_line_parse(text("00x1 a"), &l), E_BAD_VALUE);
    cr_assert_eq(bird_line_parse(text("0001_a"), &l), E_BAD_VALUE);
    cr_assert_eq(l.code, 77, "untouched on failure");
}

Test(bird_codec, replies_of_one_and_of_many_lines)
{
    struct bird_reader r;
    struct bird_reply reply;

    bird_reader_init(&r);
    cr_assert_eq(replies(&r, "0001 BIRD 2.0.12 ready.\n", &reply), 1);
    cr_assert(reply.accepted && reply.code == 1);
    cr_assert_eq(replies(&r, "0011-anycast: enabled\n0000 \n", &reply), 1);
    cr_assert(reply.accepted && reply.code == 0);
    cr_assert_eq(replies(&r, "0010-a: already enabled\n0000 \n0011-b: enabled\n0000 \n", &reply),
                 2);
    cr_assert(reply.accepted);
}

Test(bird_codec, an_error_names_its_reason_and_does_not_stick)
{
    struct bird_reader r;
    struct bird_reply reply;

    bird_reader_init(&r);
    cr_assert_eq(replies(&r, "9001 syntax error, unexpected symbol\n", &reply), 1);
    cr_assert_not(reply.accepted);
    cr_assert_str_eq(reply.reason, "9001 syntax error, unexpected symbol");
    cr_assert_eq(replies(&r, "8003-No protocols match\n0000 \n", &reply), 1);
    cr_assert_not(reply.accepted, "an error in an inner line counts");
    cr_assert_eq(replies(&r, "0009-a: disabled\n0000 \n", &reply), 1);
    cr_assert(reply.accepted);
}

Test(bird_codec, any_cut_of_the_stream)
{
    const char *stream = "0001 BIRD 2.0.12 ready.\n0011-anycast: enabled\n pools\n+note\n0000 \n";

    for (size_t cut = 0; cut <= strlen(stream); cut++) {
        struct bird_reader r;
        struct bird_reply reply;
        char head[128];
        unsigned n = 0;

        bird_reader_init(&r);
        snprintf(head, sizeof head, "%.*s", (int)cut, stream);
        n += replies(&r, head, &reply);
        n += replies(&r, stream + cut, &reply);
        cr_assert_eq(n, 2);
        cr_assert(reply.accepted);
    }
}

Test(bird_codec, a_line_without_end_is_a_limit)
{
    struct bird_reader r;
    struct bird_reply reply;
    static char big[BIRD_LINE_MAX + 1];
    struct span in;
    bool complete;

    memset(big, 'x', sizeof big);
    bird_reader_init(&r);
    in = span_of(big, BIRD_LINE_MAX);
    cr_assert_eq(bird_reader_feed(&r, &in, &complete, &reply), OK);
    in = span_of(big, 1);
    cr_assert_eq(bird_reader_feed(&r, &in, &complete, &reply), E_LIMIT);
}

Test(bird_codec, commands)
{
    char out[BIRD_NAME_MAX + 16];
    size_t n = 0;
    char longest[BIRD_NAME_MAX + 2];

    cr_assert_eq(bird_command(out, sizeof out, true, "anycast4", &n), OK);
    cr_assert_str_eq(out, "enable anycast4\n");
    cr_assert_eq(n, 16);
    cr_assert_eq(bird_command(out, sizeof out, false, "pool_v6", &n), OK);
    cr_assert_str_eq(out, "disable pool_v6\n");
    cr_assert_eq(bird_command(out, 16, true, "anycast4", &n), E_LIMIT);

    /* A name must not be able to carry a second command. */
    cr_assert_eq(bird_command(out, sizeof out, true, "a\ndown", &n), E_BAD_VALUE);
    cr_assert_eq(bird_command(out, sizeof out, true, "", &n), E_BAD_VALUE);
    cr_assert_eq(bird_command(out, sizeof out, true, "1a", &n), E_BAD_VALUE);
    cr_assert_eq(bird_command(out, sizeof out, true, "a b", &n), E_BAD_VALUE);
    memset(longest, 'a', sizeof longest);
    longest[BIRD_NAME_MAX] = '\0';
    cr_assert_eq(bird_command(out, sizeof out, false, longest, &n), OK);
    longest[BIRD_NAME_MAX] = 'a';
    longest[BIRD_NAME_MAX + 1] = '\0';
    cr_assert_eq(bird_command(out, sizeof out, false, longest, &n), E_BAD_VALUE);
}
