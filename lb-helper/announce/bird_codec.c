#include "lb-helper/announce/bird_codec.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_error(uint16_t code)
{
    return code >= 8000;
}

enum err bird_line_parse(struct span line, struct bird_line *ret_line)
{
    struct bird_line l = { 0 };

    if (line.len == 0)
        return E_BAD_VALUE;
    if (line.p[0] == ' ' || line.p[0] == '+') {
        l.spontaneous = line.p[0] == '+';
        l.text = (struct span){ line.p + 1, line.len - 1 };
        *ret_line = l;
        return OK;
    }
    if (line.len < 4)
        return E_BAD_VALUE;
    for (size_t i = 0; i < 4; i++) {
        if (!is_digit(line.p[i]))
            return E_BAD_VALUE;
        l.code = (uint16_t)(l.code * 10 + (line.p[i] - '0'));
    }
    /* "0000" alone, without the blank, ends a reply too. */
    if (line.len == 4) {
        l.ends = true;
        *ret_line = l;
        return OK;
    }
    if (line.p[4] != ' ' && line.p[4] != '-')
        return E_BAD_VALUE;
    l.ends = line.p[4] == ' ';
    l.text = (struct span){ line.p + 5, line.len - 5 };
    *ret_line = l;
    return OK;
}

void bird_reader_init(struct bird_reader *r)
{
    *r = (struct bird_reader){ 0 };
}

static void note_failure(struct bird_reader *r, const struct bird_line *l)
{
    if (r->failed)
        return;
    r->failed = true;
    snprintf(r->reason, sizeof r->reason, "%04u %.*s", (unsigned)l->code,
             (int)(l->text.len > 100 ? 100 : l->text.len),
             l->text.len > 0 ? (const char *)l->text.p : "");
}

/* A whole line is in r->line. */
static enum err take_line(struct bird_reader *r, bool *ret_complete, struct bird_reply *ret_reply)
{
    struct bird_line l;

    TRY(bird_line_parse(span_of(r->line, r->len), &l));
    if (is_error(l.code))
        note_failure(r, &l);
    if (!l.ends)
        return OK;
    *ret_reply = (struct bird_reply){ l.code, !r->failed, r->failed ? r->reason : "" };
    *ret_complete = true;
    return OK;
}

enum err bird_reader_feed(struct bird_reader *r, struct span *in, bool *ret_complete,
                          struct bird_reply *ret_reply)
{
    bool complete = false;
    enum err e;

    while (in->len > 0 && !complete) {
        uint8_t c = in->p[0];

        in->p++;
        in->len--;
        if (c != '\n') {
            if (r->len == sizeof r->line)
                return E_LIMIT;
            r->line[r->len++] = (char)c;
            continue;
        }
        e = take_line(r, &complete, ret_reply);
        r->len = 0;
        if (e != OK)
            return e;
    }
    /* The reason stays readable for the caller; the next reply starts without a failure. */
    if (complete)
        r->failed = false;
    *ret_complete = complete;
    return OK;
}

bool bird_name_ok(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > BIRD_NAME_MAX || is_digit((uint8_t)name[0]))
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !is_digit((uint8_t)c) && c != '_')
            return false;
    }
    return true;
}

enum err bird_command(char *out, size_t cap, bool enable, const char *name, size_t *ret_len)
{
    char line[BIRD_NAME_MAX + 16];
    int n;

    if (!bird_name_ok(name))
        return E_BAD_VALUE;
    n = snprintf(line, sizeof line, "%s %s\n", enable ? "enable" : "disable", name);
    if (n < 0 || (size_t)n >= sizeof line || (size_t)n >= cap)
        return E_LIMIT;
    memcpy(out, line, (size_t)n + 1);
    *ret_len = (size_t)n;
    return OK;
}
