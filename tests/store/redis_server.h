/* redis_server: a real redis-server of a test's own: UNIX socket in a temporary directory, no TCP
 * port, no persistence; ends with the test at the latest. Blocking. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct redis_server {
    pid_t pid;
    char dir[64];
    char sock[96];
    const char *const *options; /* as given to start; ends with NULL */
    uint16_t port;              /* 0: no TCP */
};

/* options: further command line arguments ("--requirepass", "x", NULL) or NULL. Aborts the test
 * when redis-server is not there or does not answer within 10 s. */
void redis_server_start(struct redis_server *r, const char *const *options);

/* Also listens on a free loopback port. */
void redis_server_start_tcp(struct redis_server *r, const char *const *options);

/* A new process with the same socket, and nothing of the old one's data. */
void redis_server_restart(struct redis_server *r);

void redis_server_signal(struct redis_server *r, int sig);

/* Kills and waits; the socket stays in the directory. */
void redis_server_kill(struct redis_server *r);

/* Kills, removes the directory. */
void redis_server_done(struct redis_server *r);

/* One command, words separated by spaces; integer replies as they are, others as -1 with their text
 * in *ret_text (may be NULL) up to cap. Aborts when the server is not there. */
long long redis_server_ask(struct redis_server *r, const char *password, char *ret_text, size_t cap,
                           const char *format, ...);

/* Processor time used by the server so far, microseconds. */
uint64_t redis_server_cpu_us(const struct redis_server *r);
