#include "node/control/control_cmds.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/control/control_json.h"
#include "node/core/slots.h"

static char *dump(json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII), *line = NULL;
    size_t n;

    json_decref(o);
    if (text != NULL) {
        n = strlen(text);
        line = realloc(text, n + 2);
        if (line == NULL) {
            free(text);
            return NULL;
        }
        line[n] = '\n';
        line[n + 1] = '\0';
    }
    return line;
}

static json_t *ok_object(void)
{
    json_t *o = json_object();

    cj_put(o, "ok", json_true());
    return o;
}

static enum control_outcome refuse(const char *code, const char *message, char **ret)
{
    char line[1024];
    size_t n = control_error_write(line, sizeof line, code, message);

    *ret = strndup(line, n);
    return CONTROL_DONE;
}

static json_t *members(const struct control_view *v)
{
    struct node_member_view m[LIMIT_NODES];
    size_t n = node_members(v->node, v->now, m, LIMIT_NODES);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();

        cj_put(o, "id", json_integer(m[i].node));
        cj_put(o, "name", cj_text(m[i].name));
        cj_put(o, "self", json_boolean(m[i].self));
        cj_put(o, "member", json_boolean(m[i].member));
        cj_put(o, "alive", json_boolean(m[i].alive));
        cj_put(o, "leaving", json_boolean(m[i].leaving));
        cj_put(o, "slots", json_integer(m[i].owned));
        if (!m[i].self && m[i].last_heard_ms != 0)
            cj_put(o, "heard_ms_ago",
                   json_integer((json_int_t)(v->now.mono_ms - m[i].last_heard_ms)));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static enum control_outcome cmd_status(const struct control_view *v,
                                       const struct control_request *r, uint64_t id,
                                       struct actions *out, char **ret)
{
    struct engine *e = node_engine(v->node);
    json_t *o = ok_object();

    (void)r;
    (void)id;
    (void)out;
    cj_put(o, "version", cj_text(v->version));
    cj_put(o, "node", json_integer(v->node_id));
    cj_put(o, "name", cj_text(v->node_name));
    cj_put(o, "ready", json_boolean(node_ready(v->node)));
    cj_put(o, "drained", json_boolean(node_drained(v->node)));
    cj_put(o, "boot", json_integer(node_boot(v->node)));
    cj_put(o, "uptime_s", json_integer((json_int_t)((v->now.wall_ms - v->started_wall_ms) / 1000)));
    cj_put(o, "store", cj_text(v->store));
    cj_put(o, "store_up", json_boolean(v->store_up));
    if (!v->store_up)
        cj_put(o, "store_reason", cj_text(v->store_reason));
    cj_put(o, "dataplane", cj_text(v->dataplane));
    cj_put(o, "slots", json_integer(node_owned(v->node)));
    if (e != NULL) {
        const struct engine_stats *st = engine_stats(e);

        cj_put(o, "sessions", json_integer((json_int_t)st->sessions));
        cj_put(o, "established", json_integer((json_int_t)st->established));
        cj_put(o, "half_open", json_integer((json_int_t)st->half_open));
        cj_put(o, "children", json_integer((json_int_t)st->children));
    }
    cj_put(o, "members", members(v));
    *ret = dump(o);
    return CONTROL_DONE;
}

struct listing {
    const struct control_view *v;
    const struct control_request *r;
    json_t *sessions;
    uint32_t seen, taken;
};

static bool list_one(void *ctx, const struct session_record *s)
{
    struct listing *l = ctx;

    if (s->state == SS_DELETED || s->state == SS_NONE ||
        (l->r->conn[0] != '\0' && strcmp(l->r->conn, s->conn) != 0) ||
        (l->r->ike != 0 && session_own_spi(s) != l->r->ike))
        return true;
    if (l->seen++ < l->r->skip || l->taken == l->r->limit)
        return true;
    l->taken++;
    (void)json_array_append_new(l->sessions,
                                cj_session(s, l->v->node_id, l->v->now, l->r->cmd == CMD_SHOW));
    return true;
}

static enum control_outcome cmd_list(const struct control_view *v, const struct control_request *r,
                                     uint64_t id, struct actions *out, char **ret)
{
    struct engine *e = node_engine(v->node);
    struct listing l = { .v = v, .r = r };
    json_t *o;

    (void)id;
    (void)out;
    if (e == NULL)
        return refuse("not-ready", "the store has not answered yet; see status", ret);
    l.sessions = json_array();
    engine_each_session(e, list_one, &l);
    if (r->cmd == CMD_SHOW && l.taken == 0) {
        json_decref(l.sessions);
        return refuse("not-found", "no such session on this node; see list", ret);
    }
    o = ok_object();
    cj_put(o, "sessions", l.sessions);
    cj_put(o, "total", json_integer(l.seen));
    cj_put(o, "more", json_boolean(l.seen > r->skip + l.taken));
    *ret = dump(o);
    return CONTROL_DONE;
}

static enum control_outcome cmd_initiate(const struct control_view *v,
                                         const struct control_request *r, uint64_t id,
                                         struct actions *out, char **ret)
{
    struct engine *e = node_engine(v->node);

    if (e == NULL || !node_ready(v->node))
        return refuse("not-ready", "this node owns no slot yet, or drains; see status", ret);
    engine_initiate(e, v->now, r->conn, id, out);
    return CONTROL_PENDING;
}

static enum control_outcome cmd_rekey(const struct control_view *v, const struct control_request *r,
                                      uint64_t id, struct actions *out, char **ret)
{
    struct engine *e = node_engine(v->node);

    if (e == NULL)
        return refuse("not-ready", "the store has not answered yet; see status", ret);
    engine_rekey(e, v->now, r->ike, r->child, id, out);
    return CONTROL_PENDING;
}

static enum control_outcome cmd_terminate(const struct control_view *v,
                                          const struct control_request *r, uint64_t id,
                                          struct actions *out, char **ret)
{
    struct engine *e = node_engine(v->node);
    bool child = r->child != 0 || r->all_children;

    if (e == NULL)
        return refuse("not-ready", "the store has not answered yet; see status", ret);
    engine_terminate(e, v->now, child ? TERMINATE_CHILD : TERMINATE_IKE,
                     r->conn[0] != '\0' ? r->conn : NULL, r->ike, r->child, id, out);
    return CONTROL_PENDING;
}

static enum control_outcome cmd_drain(const struct control_view *v, const struct control_request *r,
                                      uint64_t id, struct actions *out, char **ret)
{
    (void)r;
    (void)ret;
    node_drain(v->node, v->now, id, out);
    return CONTROL_PENDING;
}

static enum control_outcome cmd_ready(const struct control_view *v, const struct control_request *r,
                                      uint64_t id, struct actions *out, char **ret)
{
    (void)r;
    (void)id;
    (void)out;
    *ret = control_ready_reply(node_ready(v->node));
    return CONTROL_DONE;
}

static enum control_outcome cmd_stats(const struct control_view *v, const struct control_request *r,
                                      uint64_t id, struct actions *out, char **ret)
{
    struct engine *e = node_engine(v->node);
    json_t *o = ok_object();

    (void)r;
    (void)id;
    (void)out;
    cj_put(o, "engine", e == NULL ? json_null() : cj_engine_stats(engine_stats(e)));
    cj_put(o, "node", cj_node_stats(node_stats(v->node)));
    cj_put(o, "slots", cj_slots_stats(node_slots_stats(v->node)));
    for (size_t i = 0; i < v->n_counters; i++) {
        json_t *group = json_object_get(o, v->counters[i].group);

        if (group == NULL) {
            group = json_object();
            cj_put(o, v->counters[i].group, group);
        }
        cj_put(group, v->counters[i].name, json_integer((json_int_t)v->counters[i].value));
    }
    *ret = dump(o);
    return CONTROL_DONE;
}

typedef enum control_outcome handler(const struct control_view *v, const struct control_request *r,
                                     uint64_t id, struct actions *out, char **ret_reply);

static handler *const table[CMD_COUNT] = {
    [CMD_STATUS] = cmd_status,     [CMD_LIST] = cmd_list,   [CMD_SHOW] = cmd_list,
    [CMD_INITIATE] = cmd_initiate, [CMD_REKEY] = cmd_rekey, [CMD_TERMINATE] = cmd_terminate,
    [CMD_DRAIN] = cmd_drain,       [CMD_READY] = cmd_ready, [CMD_STATS] = cmd_stats,
};

enum control_outcome control_execute(const struct control_view *v, const struct control_request *r,
                                     uint64_t id, struct actions *out, char **ret_reply)
{
    return table[r->cmd](v, r, id, out, ret_reply);
}

/* The event that means success; EV_FAILED ends every request. */
static bool is_success(const struct control_request *r, enum act_event_kind k)
{
    switch (r->cmd) {
    case CMD_INITIATE:
        return k == EV_CHILD_UP;
    case CMD_REKEY:
        return k == (r->child != 0 ? EV_CHILD_UP : EV_IKE_UP);
    case CMD_TERMINATE:
        return k == (r->child != 0 || r->all_children ? EV_CHILD_DOWN : EV_IKE_DOWN);
    case CMD_DRAIN:
        return k == EV_DRAINED;
    default:
        return false;
    }
}

static const char *failure_words(const struct control_request *r, enum err e)
{
    switch (e) {
    case E_NOT_FOUND:
        return r->cmd == CMD_INITIATE ? "no such connection; see the configuration"
                                      : "no such session on this node; see list";
    case E_CONFIG:
        return "this connection has no remote address to go to";
    case E_TEMPORARY:
        return "not now: no slot is ready, or the store is away; see status";
    case E_AUTH_FAILED:
        return "authentication failed; see the log of both ends";
    case E_NO_PROPOSAL:
        return "the peer takes none of our suites";
    case E_TS_UNACCEPTABLE:
        return "the peer takes none of our traffic selectors";
    default:
        return "see the log";
    }
}

bool control_event_final(const struct control_request *r, const struct action *ev, char **ret_reply)
{
    bool down = ev->event == EV_IKE_DOWN && r->cmd != CMD_TERMINATE;
    json_t *o;

    if (is_success(r, ev->event)) {
        o = ok_object();
        if (ev->event_spi != 0)
            cj_put(o, "ike", cj_hex(ev->event_spi, 16));
        if (ev->spi_in != 0)
            cj_put(o, "child", cj_hex(ev->spi_in, 8));
        *ret_reply = dump(o);
        return true;
    }
    if (ev->event != EV_FAILED && !down)
        return false;
    refuse(ev->err == OK ? "gone" : err_name(ev->err),
           ev->err == OK ? "the session ended first; see the log" : failure_words(r, ev->err),
           ret_reply);
    return true;
}

char *control_timeout_reply(const struct control_request *r)
{
    char text[160], *reply;

    snprintf(text, sizeof text, "%s was begun but is not done after %u s; see list and the log",
             control_cmd_name(r->cmd), r->timeout_s);
    refuse("timeout", text, &reply);
    return reply;
}

char *control_ready_reply(bool ready)
{
    return strdup(ready ? "{\"ok\":true,\"ready\":true}\n" : "{\"ok\":true,\"ready\":false}\n");
}
