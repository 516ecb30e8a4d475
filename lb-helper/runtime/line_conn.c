#include "lb-helper/runtime/line_conn.h"

#include <stdlib.h>
#include <string.h>

static void try_connect(struct line_conn *c);

static void on_retry(uv_timer_t *t)
{
    try_connect(t->data);
}

static void on_pipe_closed(uv_handle_t *h)
{
    struct line_conn *c = h->data;

    c->open_handles--;
    if (!c->closing)
        uv_timer_start(&c->retry, on_retry, c->retry_ms, 0);
}

void line_conn_reset(struct line_conn *c, const char *why)
{
    if (!c->pipe_open)
        return;
    c->pipe_open = false;
    uv_close((uv_handle_t *)&c->pipe, on_pipe_closed);
    if (c->up) {
        c->up = false;
        c->events->down(c, why);
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct line_conn *c = h->data;

    (void)suggested;
    *buf = uv_buf_init(c->buf, sizeof c->buf);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct line_conn *c = s->data;

    if (n > 0)
        c->events->data(c, span_of(buf->base, (size_t)n));
    else if (n < 0)
        line_conn_reset(c, uv_strerror((int)n));
}

static void on_connect(uv_connect_t *req, int status)
{
    struct line_conn *c = req->data;

    if (!c->pipe_open)
        return;
    if (status != 0) {
        line_conn_reset(c, uv_strerror(status));
        return;
    }
    c->up = true;
    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
    c->events->up(c);
}

static void try_connect(struct line_conn *c)
{
    if (c->closing || uv_pipe_init(c->loop, &c->pipe, 0) != 0)
        return;
    c->open_handles++;
    c->pipe_open = true;
    c->pipe.data = c;
    c->connect.data = c;
    uv_pipe_connect(&c->connect, &c->pipe, c->path, on_connect);
}

void line_conn_start(struct line_conn *c, uv_loop_t *loop, const char *path, unsigned retry_ms,
                     const struct line_conn_events *events, void *owner)
{
    *c = (struct line_conn){
        .loop = loop, .path = path, .retry_ms = retry_ms, .events = events, .owner = owner
    };
    uv_timer_init(loop, &c->retry);
    c->retry.data = c;
    c->open_handles = 1;
    try_connect(c);
}

static void on_written(uv_write_t *req, int status)
{
    /* A failed write is followed by the end of the stream; on_read reports it. */
    (void)status;
    free(req);
}

void line_conn_send(struct line_conn *c, struct span bytes)
{
    uv_write_t *req;
    uv_buf_t buf;

    if (!c->up || bytes.len == 0)
        return;
    req = malloc(sizeof *req + bytes.len);
    if (req == NULL) {
        line_conn_reset(c, "out of memory");
        return;
    }
    memcpy(req + 1, bytes.p, bytes.len);
    buf = uv_buf_init((char *)(req + 1), (unsigned)bytes.len);
    if (uv_write(req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0)
        free(req);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct line_conn *c = h->data;

    c->open_handles--;
}

void line_conn_close(struct line_conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    c->up = false;
    if (c->pipe_open) {
        c->pipe_open = false;
        uv_close((uv_handle_t *)&c->pipe, on_pipe_closed);
    }
    uv_close((uv_handle_t *)&c->retry, on_timer_closed);
}
