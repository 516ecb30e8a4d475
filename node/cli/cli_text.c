#include "node/cli/cli_text.h"

#include <string.h>

/* Scalars on their lines, objects indented, arrays of objects one below the other: whatever the
 * daemon answers is shown, also what a newer daemon has added. */
static void print_value(FILE *out, const char *key, const json_t *v, int indent)
{
    const char *k;
    json_t *e;
    size_t i;

    if (json_is_object(v)) {
        fprintf(out, "%*s%s:\n", indent, "", key);
        json_object_foreach((json_t *)v, k, e) print_value(out, k, e, indent + 2);
        return;
    }
    if (json_is_array(v)) {
        if (json_array_size(v) == 0)
            return;
        if (!json_is_object(json_array_get(v, 0)) && !json_is_array(json_array_get(v, 0))) {
            fprintf(out, "%*s%s:", indent, "", key);
            json_array_foreach(v, i, e)
                fprintf(out, " %s", json_is_string(e) ? json_string_value(e) : "?");
            fprintf(out, "\n");
            return;
        }
        json_array_foreach(v, i, e) print_value(out, key, e, indent);
        return;
    }
    fprintf(out, "%*s%s: ", indent, "", key);
    if (json_is_string(v))
        fprintf(out, "%s\n", json_string_value(v));
    else if (json_is_integer(v))
        fprintf(out, "%lld\n", (long long)json_integer_value(v));
    else if (json_is_real(v))
        fprintf(out, "%.3f\n", json_real_value(v));
    else
        fprintf(out, "%s\n", json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "-");
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s == NULL ? "-" : s;
}

static void print_joined(FILE *out, const json_t *list)
{
    json_t *e;
    size_t i;

    if (json_array_size(list) == 0)
        fputs("-", out);
    json_array_foreach(list, i, e) fprintf(out, "%s%s", i == 0 ? "" : ",", json_string_value(e));
}

/* One line a session, one below it for each Child SA. */
static void print_list(FILE *out, const json_t *answer)
{
    json_t *sessions = json_object_get(answer, "sessions"), *s, *c;
    size_t i, k;

    fprintf(out, "%-16s  %-14s  %-11s  %-5s  %-21s  %-24s  %s\n", "SESSION", "CONNECTION", "STATE",
            "OWNER", "PEER", "IDENTITY", "INNER");
    json_array_foreach(sessions, i, s)
    {
        fprintf(out, "%-16s  %-14s  %-11s  %-5lld  %-21s  %-24s  ", text_of(s, "ike"),
                text_of(s, "conn"), text_of(s, "state"),
                (long long)json_integer_value(json_object_get(s, "owner")), text_of(s, "remote"),
                text_of(s, "remote_id"));
        print_joined(out, json_object_get(s, "vips"));
        fputs(json_is_true(json_object_get(s, "suspect")) ? "  suspect\n" : "\n", out);
        json_array_foreach(json_object_get(s, "children"), k, c) fprintf(
            out, "  child %-14s  %-11s  in %s  out %s  %lld bytes  %lld reserved\n",
            text_of(c, "name"), text_of(c, "state"), text_of(c, "spi_in"), text_of(c, "spi_out"),
            (long long)json_integer_value(json_object_get(c, "bytes")),
            (long long)json_integer_value(json_object_get(c, "reservation_left")));
    }
    fprintf(out, "%zu of %lld sessions of this node\n", json_array_size(sessions),
            (long long)json_integer_value(json_object_get(answer, "total")));
}

void cli_print(FILE *out, const struct control_request *r, const json_t *answer)
{
    const char *k;
    json_t *e;

    if (r->cmd == CMD_LIST) {
        print_list(out, answer);
        return;
    }
    json_object_foreach((json_t *)answer, k, e) if (strcmp(k, "ok") != 0) print_value(out, k, e, 0);
    if (json_object_size(answer) == 1)
        fprintf(out, "done\n");
}
