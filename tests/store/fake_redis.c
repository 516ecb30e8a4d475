#include "tests/store/fake_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "statesync/store/redis_script.h"

static void die(const char *what)
{
    fprintf(stderr, "fake_redis: %s\n", what);
    abort();
}

static void say(struct fake_conn *c, struct span s)
{
    /* Blocking: answers of megabytes too. */
    while (c->open && s.len > 0) {
        uv_buf_t buf = uv_buf_init((char *)s.p, (unsigned)s.len);
        int n = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);

        if (n == UV_EAGAIN) {
            /* The other end is on this loop: let it read. */
            uv_run(c->fake->loop, UV_RUN_NOWAIT);
            continue;
        }
        if (n < 0)
            return;
        s = span_of(s.p + n, s.len - (size_t)n);
    }
}

static void greet(struct fake_conn *c)
{
    struct redis_scripts scripts;
    char id[41], info[512], out[2048];
    int n;

    redis_scripts_init(&scripts);
    memset(id, c->fake->replid, 40);
    id[40] = '\0';
    n = snprintf(info, sizeof info,
                 "# Server\r\nrun_id:%s\r\nloading:0\r\nmaxmemory_policy:noeviction\r\n"
                 "role:%s\r\nmaster_replid:%s\r\n",
                 id, c->fake->role, id);
    n = snprintf(out, sizeof out, ":1\r\n$%d\r\n%s\r\n$40\r\n%s\r\n$40\r\n%s\r\n$40\r\n%s\r\n", n,
                 info, scripts.sha[0], scripts.sha[1], scripts.sha[2]);
    say(c, span_of(out, (size_t)n));
}

static void on_closed(uv_handle_t *h)
{
    (void)h;
}

static void hang_up(struct fake_conn *c)
{
    if (!c->open)
        return;
    c->open = false;
    uv_close((uv_handle_t *)&c->pipe, on_closed);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf)
{
    static char room[64 * 1024];

    (void)h;
    (void)suggested;
    *ret_buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fake_conn *c = stream->data;
    struct fake_redis *f = c->fake;

    if (n < 0) {
        hang_up(c);
        return;
    }
    if (n == 0 || f->silent)
        return;
    if (!c->greeted) {
        c->greeted = true;
        if (f->greeting.len > 0)
            say(c, f->greeting);
        else
            greet(c);
        return;
    }
    if ((size_t)n <= sizeof f->seen - f->n_seen) {
        memcpy(f->seen + f->n_seen, buf->base, (size_t)n);
        f->n_seen += (size_t)n;
    }
    /* A reconnected client kills its earlier connection; that one answer is always proper. */
    if (memmem(buf->base, (size_t)n, "KILL", 4) != NULL)
        say(c, span_str(":1\r\n"));
    else
        say(c, f->answer);
    c->commands++;
    if (f->close_after)
        hang_up(c);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct fake_redis *f = server->data;
    struct fake_conn *c;

    if (status != 0 || f->n_conns == FAKE_CONNS)
        return;
    c = &f->conns[f->n_conns++];
    c->fake = f;
    c->open = true;
    uv_pipe_init(f->loop, &c->pipe, 0);
    c->pipe.data = c;
    if (uv_accept(server, (uv_stream_t *)&c->pipe) != 0 ||
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
        die("accept");
}

void fake_redis_start(struct fake_redis *f, uv_loop_t *loop)
{
    f->loop = loop;
    f->replid = 'a';
    f->role = "master";
    snprintf(f->dir, sizeof f->dir, "/tmp/ikestra-fake-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        die("mkdtemp");
    snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
    uv_pipe_init(loop, &f->listener, 0);
    f->listener.data = f;
    if (uv_pipe_bind(&f->listener, f->path) != 0 ||
        uv_listen((uv_stream_t *)&f->listener, 8, on_connection) != 0)
        die("listen");
}

void fake_redis_say(struct fake_redis *f, struct span s)
{
    if (f->n_conns > 0)
        say(&f->conns[f->n_conns - 1], s);
}

void fake_redis_hang_up(struct fake_redis *f)
{
    for (unsigned i = 0; i < f->n_conns; i++)
        hang_up(&f->conns[i]);
}

void fake_redis_done(struct fake_redis *f)
{
    fake_redis_hang_up(f);
    uv_close((uv_handle_t *)&f->listener, on_closed);
    unlink(f->path);
    rmdir(f->dir);
}
