#include "tests/store/redis_server.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "redis_server: %s\n", what);
    abort();
}

static void spawn(struct redis_server *r)
{
    const char *argv[64];
    char log[96], port[8];
    int n = 0;
    pid_t parent = getpid();

    snprintf(log, sizeof log, "%s/log", r->dir);
    snprintf(port, sizeof port, "%u", r->port);
    argv[n++] = "redis-server";
    argv[n++] = "--port";
    argv[n++] = port;
    argv[n++] = "--bind";
    argv[n++] = "127.0.0.1";
    argv[n++] = "--unixsocket";
    argv[n++] = r->sock;
    argv[n++] = "--dir";
    argv[n++] = r->dir;
    argv[n++] = "--logfile";
    argv[n++] = log;
    argv[n++] = "--save";
    argv[n++] = "";
    for (int i = 0; r->options != NULL && r->options[i] != NULL && n < 60; i++)
        argv[n++] = r->options[i];
    argv[n] = NULL;
    unlink(r->sock);
    r->pid = fork();
    if (r->pid < 0)
        die("fork");
    if (r->pid == 0) {
        /* Also when the test crashes. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        execvp("redis-server", (char *const *)argv);
        _exit(127);
    }
}

static void wait_ready(struct redis_server *r)
{
    struct timespec pause = { 0, 5000000 };

    for (int i = 0; i < 2000; i++) {
        redisContext *c;
        int status;

        if (waitpid(r->pid, &status, WNOHANG) == r->pid)
            die("redis-server ended at once: is it installed?");
        c = redisConnectUnix(r->sock);
        if (c != NULL && c->err == 0) {
            redisReply *reply = redisCommand(c, "PING");
            bool up =
                reply != NULL &&
                (reply->type == REDIS_REPLY_STATUS ||
                 (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) != 0));

            freeReplyObject(reply);
            if (up) {
                redisFree(c);
                return;
            }
        }
        if (c != NULL)
            redisFree(c);
        nanosleep(&pause, NULL);
    }
    die("redis-server did not answer within 10 s");
}

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        die("no free port");
    close(fd);
    return ntohs(a.sin_port);
}

static void start(struct redis_server *r, const char *const *options, uint16_t port)
{
    *r = (struct redis_server){ .options = options, .port = port };
    snprintf(r->dir, sizeof r->dir, "/tmp/ikestra-redis-XXXXXX");
    if (mkdtemp(r->dir) == NULL)
        die("mkdtemp");
    snprintf(r->sock, sizeof r->sock, "%s/sock", r->dir);
    spawn(r);
    wait_ready(r);
}

void redis_server_start(struct redis_server *r, const char *const *options)
{
    start(r, options, 0);
}

void redis_server_start_tcp(struct redis_server *r, const char *const *options)
{
    start(r, options, free_port());
}

void redis_server_restart(struct redis_server *r)
{
    redis_server_kill(r);
    spawn(r);
    wait_ready(r);
}

void redis_server_signal(struct redis_server *r, int sig)
{
    kill(r->pid, sig);
}

void redis_server_kill(struct redis_server *r)
{
    int status;

    if (r->pid <= 0)
        return;
    kill(r->pid, SIGKILL);
    waitpid(r->pid, &status, 0);
    r->pid = 0;
}

void redis_server_done(struct redis_server *r)
{
    char path[96];

    redis_server_kill(r);
    unlink(r->sock);
    snprintf(path, sizeof path, "%s/log", r->dir);
    unlink(path);
    rmdir(r->dir);
}

long long redis_server_ask(struct redis_server *r, const char *password, char *ret_text, size_t cap,
                           const char *format, ...)
{
    redisContext *c = redisConnectUnix(r->sock);
    redisReply *reply;
    long long v = -1;
    va_list ap;

    if (c == NULL || c->err != 0)
        die("cannot connect to ask");
    if (password != NULL)
        freeReplyObject(redisCommand(c, "AUTH %s", password));
    va_start(ap, format);
    reply = redisvCommand(c, format, ap);
    va_end(ap);
    if (reply == NULL)
        die("no answer");
    if (reply->type == REDIS_REPLY_INTEGER)
        v = reply->integer;
    if (ret_text != NULL && cap > 0) {
        size_t n = reply->str == NULL ? 0 : reply->len < cap - 1 ? reply->len : cap - 1;

        if (n > 0)
            memcpy(ret_text, reply->str, n);
        ret_text[n] = '\0';
    }
    freeReplyObject(reply);
    redisFree(c);
    return v;
}

uint64_t redis_server_cpu_us(const struct redis_server *r)
{
    char path[64], line[1024];
    unsigned long long user = 0, sys = 0;
    FILE *f;
    const char *p;

    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)r->pid);
    f = fopen(path, "r");
    if (f != NULL) {
        unsigned long long ns = 0;
        int n = fscanf(f, "%llu", &ns);

        fclose(f);
        if (n == 1 && ns > 0)
            return ns / 1000;
    }
    snprintf(path, sizeof path, "/proc/%d/stat", (int)r->pid);
    f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL)
        die("no /proc entry");
    fclose(f);
    p = strrchr(line, ')');
    if (p == NULL ||
        sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) != 2)
        die("/proc stat");
    return (user + sys) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}
