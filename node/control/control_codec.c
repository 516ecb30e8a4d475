#include "node/control/control_codec.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 1000, WAIT_DEFAULT_S = 30, WAIT_MAX_S = 3600 };

static const char *const names[CMD_COUNT] = {
    [CMD_STATUS] = "status",     [CMD_LIST] = "list",   [CMD_SHOW] = "show",
    [CMD_INITIATE] = "initiate", [CMD_REKEY] = "rekey", [CMD_TERMINATE] = "terminate",
    [CMD_DRAIN] = "drain",       [CMD_READY] = "ready", [CMD_STATS] = "stats",
};

const char *control_cmd_name(enum control_cmd cmd)
{
    return (unsigned)cmd < CMD_COUNT ? names[cmd] : "unknown";
}

/* Which members a command may carry. */
enum {
    M_CONN = 1,
    M_IKE = 2,
    M_CHILD = 4,
    M_ALL_CHILDREN = 8,
    M_WATCH = 16,
    M_LIMIT = 32,
    M_SKIP = 64,
    M_TIMEOUT = 128
};

static const struct {
    const char *name;
    unsigned bit;
} members[] = {
    { "conn", M_CONN },   { "ike", M_IKE },
    { "child", M_CHILD }, { "all_children", M_ALL_CHILDREN },
    { "watch", M_WATCH }, { "limit", M_LIMIT },
    { "skip", M_SKIP },   { "timeout", M_TIMEOUT },
};

static const unsigned allowed[CMD_COUNT] = {
    [CMD_LIST] = M_CONN | M_LIMIT | M_SKIP,
    [CMD_SHOW] = M_CONN | M_IKE,
    [CMD_INITIATE] = M_CONN | M_TIMEOUT,
    [CMD_REKEY] = M_IKE | M_CHILD | M_TIMEOUT,
    [CMD_TERMINATE] = M_CONN | M_IKE | M_CHILD | M_ALL_CHILDREN | M_TIMEOUT,
    [CMD_DRAIN] = M_TIMEOUT,
    [CMD_READY] = M_WATCH,
};

__attribute__((format(printf, 2, 3))) static enum err bad(char error[CONTROL_ERROR],
                                                          const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(error, CONTROL_ERROR, fmt, ap);
    va_end(ap);
    return E_BAD_VALUE;
}

static enum err get_spi(json_t *v, const char *name, unsigned digits, uint64_t *ret,
                        char error[CONTROL_ERROR])
{
    const char *s = json_string_value(v);
    char *end;
    uint64_t n;

    if (s != NULL && s[0] == '0' && s[1] == 'x')
        s += 2;
    if (s == NULL || s[0] == '\0' || strlen(s) > digits ||
        strspn(s, "0123456789abcdefABCDEF") != strlen(s))
        return bad(error, "%s: must be a string of up to %u hex digits, as list shows it", name,
                   digits);
    n = strtoull(s, &end, 16);
    if (n == 0)
        return bad(error, "%s: an SPI is never 0", name);
    *ret = n;
    return OK;
}

static enum err get_number(json_t *v, const char *name, uint32_t min, uint32_t max, uint32_t *ret,
                           char error[CONTROL_ERROR])
{
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        return bad(error, "%s: must be a number, %u to %u", name, min, max);
    *ret = (uint32_t)json_integer_value(v);
    return OK;
}

static enum err get_bool(json_t *v, const char *name, bool *ret, char error[CONTROL_ERROR])
{
    if (!json_is_boolean(v))
        return bad(error, "%s: must be true or false", name);
    *ret = json_is_true(v);
    return OK;
}

static enum err get_name(json_t *v, char ret[LIMIT_NAME], char error[CONTROL_ERROR])
{
    const char *s = json_string_value(v);

    if (s == NULL || s[0] == '\0' || json_string_length(v) >= LIMIT_NAME ||
        strlen(s) != json_string_length(v))
        return bad(error, "conn: must be the name of a connection, up to %d characters",
                   LIMIT_NAME - 1);
    snprintf(ret, LIMIT_NAME, "%s", s);
    return OK;
}

static enum err get_member(unsigned bit, const char *name, json_t *v, struct control_request *r,
                           char error[CONTROL_ERROR])
{
    uint64_t spi;

    switch (bit) {
    case M_CONN:
        return get_name(v, r->conn, error);
    case M_IKE:
        return get_spi(v, name, 16, &r->ike, error);
    case M_CHILD:
        TRY(get_spi(v, name, 8, &spi, error));
        r->child = (uint32_t)spi;
        return OK;
    case M_ALL_CHILDREN:
        return get_bool(v, name, &r->all_children, error);
    case M_WATCH:
        return get_bool(v, name, &r->watch, error);
    case M_LIMIT:
        return get_number(v, name, 1, CONTROL_LIST_MAX, &r->limit, error);
    case M_SKIP:
        return get_number(v, name, 0, INT32_MAX, &r->skip, error);
    default:
        return get_number(v, name, 1, WAIT_MAX_S, &r->timeout_s, error);
    }
}

/* What a command cannot do without. */
static enum err complete(const struct control_request *r, char error[CONTROL_ERROR])
{
    const char *name = names[r->cmd];

    if (r->cmd == CMD_INITIATE && r->conn[0] == '\0')
        return bad(error, "%s needs \"conn\": the name of a connection", name);
    if ((r->cmd == CMD_SHOW || r->cmd == CMD_TERMINATE) && (r->conn[0] != '\0') == (r->ike != 0))
        return bad(error, "%s needs either \"conn\" or \"ike\": a connection or one session", name);
    if (r->cmd == CMD_REKEY && r->ike == 0)
        return bad(error, "%s needs \"ike\": the session's own SPI, as list shows it", name);
    if (r->cmd == CMD_TERMINATE && r->child != 0 && (r->ike == 0 || r->all_children))
        return bad(error, "%s: \"child\" goes with \"ike\", and not with \"all_children\"", name);
    return OK;
}

static enum err parse_object(json_t *root, struct control_request *r, char error[CONTROL_ERROR])
{
    const char *cmd = json_string_value(json_object_get(root, "cmd")), *key;
    size_t i;
    json_t *v;

    if (cmd == NULL)
        return bad(error, "no \"cmd\"; one of status, list, show, initiate, rekey, terminate, "
                          "drain, ready, stats");
    for (i = 0; i < CMD_COUNT && strcmp(names[i], cmd) != 0; i++)
        ;
    if (i == CMD_COUNT)
        return bad(error,
                   "unknown command \"%.40s\"; one of status, list, show, initiate, rekey, "
                   "terminate, drain, ready, stats",
                   cmd);
    r->cmd = (enum control_cmd)i;
    json_object_foreach(root, key, v)
    {
        if (strcmp(key, "cmd") == 0)
            continue;
        for (i = 0; i < sizeof members / sizeof members[0]; i++)
            if (strcmp(members[i].name, key) == 0 && (allowed[r->cmd] & members[i].bit) != 0)
                break;
        if (i == sizeof members / sizeof members[0])
            return bad(error, "%s takes no \"%.40s\"", names[r->cmd], key);
        TRY(get_member(members[i].bit, key, v, r, error));
    }
    return complete(r, error);
}

enum err control_request_parse(struct span line, struct control_request *ret,
                               char error[CONTROL_ERROR])
{
    struct control_request r = { .limit = LIST_DEFAULT, .timeout_s = WAIT_DEFAULT_S };
    json_error_t je;
    json_t *root;
    enum err e;

    error[0] = '\0';
    if (line.len > CONTROL_LINE)
        return bad(error, "a request may have %d octets", CONTROL_LINE);
    root = json_loadb((const char *)line.p, line.len, JSON_REJECT_DUPLICATES, &je);
    if (root == NULL)
        return bad(error, "not valid JSON: %.120s", je.text);
    e = json_is_object(root) ? parse_object(root, &r, error)
                             : bad(error, "a request is one JSON object");
    json_decref(root);
    if (e == OK)
        *ret = r;
    return e;
}

/* Takes its own reference of nothing: v is stolen. A failed allocation shows at the dump. */
static void put(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
}

static json_t *hex(uint64_t v, int digits)
{
    char text[24];

    snprintf(text, sizeof text, "%0*llx", digits, (unsigned long long)v);
    return json_string(text);
}

enum err control_request_write(const struct control_request *r, char *out, size_t cap,
                               size_t *ret_len)
{
    unsigned may = allowed[r->cmd];
    json_t *o = json_object();
    size_t n;

    put(o, "cmd", json_string(names[r->cmd]));
    if ((may & M_CONN) != 0 && r->conn[0] != '\0')
        put(o, "conn", json_string(r->conn));
    if ((may & M_IKE) != 0 && r->ike != 0)
        put(o, "ike", hex(r->ike, 16));
    if ((may & M_CHILD) != 0 && r->child != 0)
        put(o, "child", hex(r->child, 8));
    if ((may & M_ALL_CHILDREN) != 0 && r->all_children)
        put(o, "all_children", json_true());
    if ((may & M_WATCH) != 0 && r->watch)
        put(o, "watch", json_true());
    if ((may & M_LIMIT) != 0 && r->limit != 0)
        put(o, "limit", json_integer(r->limit));
    if ((may & M_SKIP) != 0 && r->skip != 0)
        put(o, "skip", json_integer(r->skip));
    if ((may & M_TIMEOUT) != 0 && r->timeout_s != 0)
        put(o, "timeout", json_integer(r->timeout_s));
    n = json_dumpb(o, out, cap, JSON_COMPACT);
    json_decref(o);
    if (n == 0 || n + 2 > cap)
        return E_LIMIT;
    out[n] = '\n';
    out[n + 1] = '\0';
    *ret_len = n + 1;
    return OK;
}

size_t control_error_write(char *out, size_t cap, const char *code, const char *message)
{
    json_t *o = json_object(), *text;
    size_t n;

    put(o, "ok", json_false());
    put(o, "error", json_string(code));
    /* The message may quote what a client sent: only valid UTF-8 becomes a string. */
    text = json_string(message);
    put(o, "message", text != NULL ? text : json_string("?"));
    n = json_dumpb(o, out, cap - 2, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(o);
    if (n == 0 || n > cap - 2)
        n = (size_t)snprintf(out, cap - 2, "{\"ok\":false,\"error\":\"internal\"}");
    out[n] = '\n';
    out[n + 1] = '\0';
    return n + 1;
}
