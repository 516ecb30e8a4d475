#include "node/control/control_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 64,
    PENDING_MAX = 16,           /* per client */
    OUT_MAX = 16 * 1024 * 1024, /* octets waiting for a client that does not read */
    TICK_MS = 500
};

struct pending {
    uint64_t id; /* 0: free */
    uint64_t until_ms;
    struct control_request r;
};

/* Freed from its close callback. */
struct client {
    uv_pipe_t pipe;
    struct control_server *server; /* NULL: the server is gone */
    struct client *next;
    bool watch, closing;
    struct pending pending[PENDING_MAX];
    size_t len;
    char line[CONTROL_LINE + 1];
};

struct control_server {
    struct control_server_config cfg;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    uv_pipe_t pipe;
    uv_timer_t timer;
    unsigned handles; /* not closed yet */
    bool ready;
    uint64_t next_id;
    struct client *clients;
    size_t n_clients;
    struct actions acts;
};

struct write_req {
    uv_write_t req;
    char *text;
};

static void client_closed(uv_handle_t *h)
{
    free(h->data);
}

static void client_close(struct client *c)
{
    struct control_server *s = c->server;

    if (c->closing)
        return;
    c->closing = true;
    for (struct client **p = &s->clients; *p != NULL; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            s->n_clients--;
            break;
        }
    c->server = NULL;
    uv_close((uv_handle_t *)&c->pipe, client_closed);
}

static void written(uv_write_t *req, int status)
{
    struct write_req *w = req->data;
    struct client *c = req->handle->data;

    free(w->text);
    free(w);
    if (status < 0 && status != UV_ECANCELED)
        client_close(c);
}

/* Takes text (from malloc; NULL: memory is out, the client is cut off). */
static void client_send(struct client *c, char *text)
{
    struct write_req *w = malloc(sizeof *w);
    uv_buf_t buf;

    if (w == NULL || text == NULL || c->closing ||
        uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > OUT_MAX)
        goto fail;
    w->req.data = w;
    w->text = text;
    buf = uv_buf_init(text, (unsigned)strlen(text));
    if (uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, written) == 0)
        return;
fail:
    free(w);
    free(text);
    client_close(c);
}

static void refuse(struct client *c, const char *code, const char *message)
{
    char line[1024];
    size_t n = control_error_write(line, sizeof line, code, message);

    client_send(c, strndup(line, n));
}

static struct pending *free_place(struct client *c)
{
    for (size_t i = 0; i < PENDING_MAX; i++)
        if (c->pending[i].id == 0)
            return &c->pending[i];
    return NULL;
}

static void execute(struct client *c, const struct control_request *r)
{
    struct control_server *s = c->server;
    struct pending *p = free_place(c);
    struct control_view v = { 0 };
    uint64_t id = ++s->next_id;
    char *reply = NULL;

    if (p == NULL) {
        refuse(c, "limit", "too many requests of this connection wait for their end");
        return;
    }
    s->cfg.view(s->cfg.ctx, &v);
    if (control_execute(&v, r, id, &s->acts, &reply) == CONTROL_DONE) {
        client_send(c, reply);
    } else {
        *p = (struct pending){ id, uv_now(s->cfg.loop) + (uint64_t)r->timeout_s * 1000, *r };
    }
    /* Events of these actions come through control_server_event, which may answer at once. */
    s->cfg.run(s->cfg.ctx, &s->acts);
}

static void take_line(struct client *c, struct span line)
{
    char error[CONTROL_ERROR];
    struct control_request r;

    if (line.len == 0)
        return;
    if (control_request_parse(line, &r, error) != OK) {
        refuse(c, "bad-request", error);
        return;
    }
    if (r.cmd == CMD_READY)
        c->watch = r.watch;
    execute(c, &r);
}

static void take_lines(struct client *c)
{
    size_t from = 0;
    char *nl;

    while (!c->closing && (nl = memchr(c->line + from, '\n', c->len - from)) != NULL) {
        size_t end = (size_t)(nl - c->line);

        take_line(c, span_of(c->line + from, end - from));
        from = end + 1;
    }
    if (from > 0) {
        memmove(c->line, c->line + from, c->len - from);
        c->len -= from;
    }
}

static void give_room(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
    struct client *c = h->data;

    (void)want;
    *buf = uv_buf_init(c->line + c->len, (unsigned)(CONTROL_LINE - c->len));
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = h->data;

    (void)buf;
    if (c->closing)
        return;
    if (n < 0) {
        /* UV_ENOBUFS: a line longer than the limit. */
        client_close(c);
        return;
    }
    c->len += (size_t)n;
    take_lines(c);
}

static void on_connection(uv_stream_t *h, int status)
{
    struct control_server *s = h->data;
    struct client *c = status == 0 ? calloc(1, sizeof *c) : NULL;

    if (c == NULL)
        return;
    c->pipe.data = c;
    c->server = s;
    if (uv_pipe_init(s->cfg.loop, &c->pipe, 0) != 0) {
        free(c);
        return;
    }
    c->next = s->clients;
    s->clients = c;
    s->n_clients++;
    if (uv_accept(h, (uv_stream_t *)&c->pipe) != 0 || s->n_clients > CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&c->pipe, give_room, on_read) != 0)
        client_close(c);
}

static void on_tick(uv_timer_t *t)
{
    struct control_server *s = t->data;
    uint64_t now = uv_now(s->cfg.loop);

    for (struct client *c = s->clients, *next; c != NULL; c = next) {
        next = c->next;
        for (size_t i = 0; i < PENDING_MAX && !c->closing; i++)
            if (c->pending[i].id != 0 && now >= c->pending[i].until_ms) {
                c->pending[i].id = 0;
                client_send(c, control_timeout_reply(&c->pending[i].r));
            }
    }
}

void control_server_event(struct control_server *s, const struct action *ev)
{
    char *reply;

    if (s == NULL || ev->event_id == 0)
        return;
    for (struct client *c = s->clients; c != NULL; c = c->next)
        for (size_t i = 0; i < PENDING_MAX; i++)
            if (c->pending[i].id == ev->event_id &&
                control_event_final(&c->pending[i].r, ev, &reply)) {
                c->pending[i].id = 0;
                client_send(c, reply);
                return;
            }
}

void control_server_ready(struct control_server *s, bool ready)
{
    if (s == NULL || s->ready == ready)
        return;
    s->ready = ready;
    for (struct client *c = s->clients, *next; c != NULL; c = next) {
        next = c->next;
        if (c->watch)
            client_send(c, control_ready_reply(ready));
    }
}

/* Whether somebody accepts connections there. */
static bool answers(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes;

    if (fd < 0)
        return false;
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    yes = connect(fd, (struct sockaddr *)&un, sizeof un) == 0 || errno == EAGAIN;
    close(fd);
    return yes;
}

/* The directory is made when only it is missing (/run is empty after a boot). */
static void make_directory(const char *path)
{
    char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char *slash;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash != NULL && slash != dir) {
        *slash = '\0';
        (void)mkdir(dir, 0755);
    }
}

static int listen_there(struct control_server *s)
{
    int r = uv_pipe_bind(&s->pipe, s->path);

    if (r == 0 && chmod(s->path, 0660) != 0)
        r = uv_translate_sys_error(errno);
    return r != 0 ? r : uv_listen((uv_stream_t *)&s->pipe, 16, on_connection);
}

static void handle_closed(uv_handle_t *h)
{
    struct control_server *s = h->data;

    if (--s->handles == 0) {
        actions_free(&s->acts);
        free(s);
    }
}

static void close_handles(struct control_server *s)
{
    uv_close((uv_handle_t *)&s->pipe, handle_closed);
    uv_close((uv_handle_t *)&s->timer, handle_closed);
}

enum err control_server_new(const struct control_server_config *cfg, struct control_server **ret,
                            char error[CONTROL_ERROR])
{
    struct control_server *s = calloc(1, sizeof *s);
    int r;

    if (s == NULL)
        return E_NOMEM;
    s->cfg = *cfg;
    snprintf(s->path, sizeof s->path, "%s", cfg->path);
    if (answers(s->path)) {
        snprintf(error, CONTROL_ERROR,
                 "control socket %s: another ikestrad listens there; stop "
                 "it, or give control.socket another name",
                 s->path);
        free(s);
        return E_IO;
    }
    make_directory(s->path);
    (void)unlink(s->path);
    s->pipe.data = s->timer.data = s;
    (void)uv_pipe_init(cfg->loop, &s->pipe, 0);
    (void)uv_timer_init(cfg->loop, &s->timer);
    s->handles = 2;
    r = listen_there(s);
    if (r == 0)
        r = uv_timer_start(&s->timer, on_tick, TICK_MS, TICK_MS);
    if (r != 0) {
        snprintf(error, CONTROL_ERROR,
                 "control socket %s: %s; give control.socket a directory "
                 "that the daemon may write",
                 s->path, uv_strerror(r));
        close_handles(s);
        return E_IO;
    }
    *ret = s;
    return OK;
}

void control_server_close(struct control_server *s)
{
    if (s == NULL)
        return;
    while (s->clients != NULL)
        client_close(s->clients);
    /* libuv removes the socket file when the handle closes. */
    close_handles(s);
}
