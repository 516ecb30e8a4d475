#include "statesync/store/store_redis_conn.h"

#include <stdlib.h>
#include <string.h>

#include "statesync/base/limits.h"
#include "statesync/base/secret.h"
#include "statesync/store/redis_reader.h"

enum { OUT_CAP = LIMIT_REDIS_COMMAND + 64 * 1024, IN_CAP = 64 * 1024 };

struct redis_conn {
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } h;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_write_t write;
    const struct redis_conn_events *events;
    void *ctx;
    struct redis_reader *reader;
    unsigned attempt;
    unsigned refs; /* the handle, and a resolve under way */
    bool closed;   /* by the owner */
    bool failed;   /* told */
    bool busy;     /* a write waits for the socket */
    bool secret;
    uint64_t received;
    struct wr out;
    uint8_t out_room[OUT_CAP];
    uint8_t in_room[IN_CAP];
};

static void conn_unref(struct redis_conn *c)
{
    if (--c->refs > 0)
        return;
    redis_reader_free(c->reader);
    free(c);
}

static void on_close(uv_handle_t *h)
{
    conn_unref(h->data);
}

static void conn_fail(struct redis_conn *c, const char *why)
{
    if (c->closed || c->failed)
        return;
    c->failed = true;
    c->events->failed(c->ctx, why);
}

static const char *reader_why(enum err e)
{
    switch (e) {
    case E_LIMIT:
        return "a reply is larger than allowed";
    case E_NOMEM:
        return "out of memory";
    default:
        return "it does not speak the Redis protocol";
    }
}

/* Replies until the reader wants more bytes, or the owner has enough. */
static void replies_out(struct redis_conn *c)
{
    struct redisReply *reply;
    enum err e;

    while (!c->closed && !c->failed) {
        reply = NULL;
        e = redis_reader_next(c->reader, &reply);
        if (e != OK) {
            conn_fail(c, reader_why(e));
            return;
        }
        if (reply == NULL)
            return;
        c->events->reply(c->ctx, reply);
        redis_reply_free(reply);
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf)
{
    struct redis_conn *c = h->data;

    (void)suggested;
    *ret_buf = uv_buf_init((char *)c->in_room, sizeof c->in_room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct redis_conn *c = stream->data;
    enum err e;

    if (n == 0 || c->closed || c->failed)
        return;
    if (n < 0) {
        conn_fail(c, n == UV_EOF ? "it closed the connection" : uv_strerror((int)n));
        return;
    }
    c->received += (uint64_t)n;
    e = redis_reader_feed(c->reader, span_of(buf->base, (size_t)n));
    if (e != OK) {
        conn_fail(c, reader_why(e));
        return;
    }
    replies_out(c);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct redis_conn *c = req->handle->data;

    if (c->closed)
        return;
    if (status == 0)
        status = uv_read_start(&c->h.stream, on_alloc, on_read);
    if (status != 0) {
        conn_fail(c, uv_strerror(status));
        return;
    }
    c->events->opened(c->ctx);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct redis_conn *c = req->data;
    struct addrinfo *ai = list;
    unsigned n = 0, take;

    if (!c->closed && status == 0) {
        for (ai = list; ai != NULL; ai = ai->ai_next)
            n++;
        take = n == 0 ? 0 : c->attempt % n;
        for (ai = list; ai != NULL && take > 0; ai = ai->ai_next)
            take--;
        status = ai == NULL ? UV_EAI_NONAME
                            : uv_tcp_connect(&c->connect, &c->h.tcp, ai->ai_addr, on_connect);
    }
    uv_freeaddrinfo(list);
    if (!c->closed && status != 0)
        conn_fail(c, uv_strerror(status));
    conn_unref(c);
}

/* A refusal here must reach the owner from the loop: by the connect callback, or not at all. */
static enum err begin(struct redis_conn *c, const struct redis_endpoint *at)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

    if (at->path[0] != '\0') {
        uv_pipe_connect(&c->connect, &c->h.pipe, at->path, on_connect);
        return OK;
    }
    (void)uv_tcp_nodelay(&c->h.tcp, 1);
    (void)uv_tcp_keepalive(&c->h.tcp, 1, 5);
    c->resolve.data = c;
    if (uv_getaddrinfo(c->h.any.loop, &c->resolve, on_resolved, at->host, at->port, &hints) != 0)
        return E_IO;
    c->refs++;
    return OK;
}

enum err redis_conn_open(uv_loop_t *loop, const struct redis_endpoint *at, unsigned attempt,
                         const struct redis_conn_events *events, void *ctx,
                         struct redis_conn **ret_c)
{
    struct redis_conn *c = malloc(sizeof *c);
    enum err e;

    if (c == NULL)
        return E_NOMEM;
    /* The two buffers stay untouched: most of them is never used. */
    memset(c, 0, offsetof(struct redis_conn, out_room));
    e = redis_reader_new(LIMIT_REDIS_REPLY, LIMIT_REDIS_ELEMENTS, &c->reader);
    if (e != OK) {
        free(c);
        return e;
    }
    c->events = events;
    c->ctx = ctx;
    c->attempt = attempt;
    c->out = wr_of(c->out_room, sizeof c->out_room);
    if ((at->path[0] != '\0' ? uv_pipe_init(loop, &c->h.pipe, 0) : uv_tcp_init(loop, &c->h.tcp)) !=
        0) {
        redis_reader_free(c->reader);
        free(c);
        return E_IO;
    }
    c->h.any.data = c;
    c->refs = 1;
    e = begin(c, at);
    if (e != OK) {
        redis_conn_close(c);
        return e;
    }
    *ret_c = c;
    return OK;
}

struct redis_conn *redis_conn_close(struct redis_conn *c)
{
    if (c == NULL || c->closed)
        return NULL;
    c->closed = true;
    if (c->refs > 1)
        (void)uv_cancel((uv_req_t *)&c->resolve);
    if (c->secret)
        wipe(c->out_room, c->out.len);
    uv_close(&c->h.any, on_close);
    return NULL;
}

struct wr *redis_conn_out(struct redis_conn *c)
{
    return c->busy ? NULL : &c->out;
}

static void out_reset(struct redis_conn *c)
{
    if (c->secret)
        wipe(c->out_room, c->out.len);
    c->secret = false;
    c->busy = false;
    c->out = wr_of(c->out_room, sizeof c->out_room);
}

static void on_written(uv_write_t *req, int status)
{
    struct redis_conn *c = req->handle->data;

    if (c->closed)
        return;
    out_reset(c);
    if (status != 0)
        conn_fail(c, uv_strerror(status));
}

enum err redis_conn_flush(struct redis_conn *c)
{
    uv_buf_t buf = uv_buf_init((char *)c->out_room, (unsigned)c->out.len);
    int n;

    if (c->busy || c->out.len == 0)
        return OK;
    n = uv_try_write(&c->h.stream, &buf, 1);
    if (n < 0 && n != UV_EAGAIN)
        return E_IO;
    if (n > 0) {
        buf.base += n;
        buf.len -= (size_t)n;
    }
    if (buf.len == 0) {
        out_reset(c);
        return OK;
    }
    if (uv_write(&c->write, &c->h.stream, &buf, 1, on_written) != 0)
        return E_IO;
    c->busy = true;
    return OK;
}

enum err redis_conn_flush_secret(struct redis_conn *c)
{
    c->secret = true;
    return redis_conn_flush(c);
}

uint64_t redis_conn_received(const struct redis_conn *c)
{
    return c->received;
}
