/* ikestra: the operator's command. One request over the control socket, one answer, as text or as
 * it is (--json). docs/cli.md. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/cli/cli_text.h"
#include "node/control/control_codec.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

static const char usage[] =
    "usage: ikestra [--socket PATH] [--json] COMMAND\n"
    "  status                        this node: slots, members, store\n"
    "  list [NAME] [--skip N]        sessions of this node (1000 at a time)\n"
    "  show NAME | --ike SPI         sessions with everything about their Child SAs\n"
    "  initiate NAME                 start a connection and wait for it\n"
    "  rekey --ike SPI [--child SPI] replace the IKE SA, or one Child SA\n"
    "  terminate NAME | --ike SPI [--child SPI | --children]\n"
    "  drain                         hand all slots over; the process stays\n"
    "  stats                         counters\n"
    "  --timeout S                   how long to wait for an exchange (30)\n"
    "exit status: 0 done, 1 refused, 2 usage, 3 no daemon at the socket\n";

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "ikestra: %s: %s\n", what, why);
    return 3;
}

static int connect_to(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof un.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(un.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w <= 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

/* One line; the caller frees. NULL: the daemon closed, or the answer is beyond reason. */
static char *read_line(int fd)
{
    size_t len = 0, cap = 4096;
    char *p = malloc(cap);

    while (p != NULL) {
        ssize_t r;
        char *more;

        r = read(fd, p + len, cap - len - 1);
        if (r <= 0 || len + (size_t)r > ANSWER_MAX)
            break;
        len += (size_t)r;
        p[len] = '\0';
        if (p[len - 1] == '\n')
            return p;
        if (cap - len < 2) {
            more = realloc(p, cap * 2);
            if (more == NULL)
                break;
            p = more;
            cap *= 2;
        }
    }
    free(p);
    return NULL;
}

static int print_answer(const struct control_request *r, const char *line, bool raw)
{
    json_error_t je;
    json_t *a = json_loads(line, 0, &je);
    bool good = json_is_true(json_object_get(a, "ok"));

    if (a == NULL)
        return fail("the daemon's answer", je.text);
    if (raw)
        fputs(line, stdout);
    else if (good)
        cli_print(stdout, r, a);
    if (!good && !raw)
        fprintf(stderr, "ikestra: %s\n", json_string_value(json_object_get(a, "message")));
    json_decref(a);
    return good ? 0 : 1;
}

static int ask(const char *path, const struct control_request *r, bool raw)
{
    char request[1024];
    size_t len;
    int fd = connect_to(path), status;
    char *line;

    if (fd < 0)
        return fail(path, errno == ENOENT || errno == ECONNREFUSED
                              ? "no ikestrad answers here: is it running? (--socket names another)"
                              : strerror(errno));
    if (control_request_write(r, request, sizeof request, &len) != OK ||
        !write_all(fd, request, len)) {
        close(fd);
        return fail(path, "cannot send the request");
    }
    line = read_line(fd);
    close(fd);
    if (line == NULL)
        return fail(path, "the daemon closed the connection without an answer");
    status = print_answer(r, line, raw);
    free(line);
    return status;
}

static bool spi(const char *text, uint64_t max, uint64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoull(text, &end, 16);
    return end != text && *end == '\0' && errno == 0 && *ret != 0 && *ret <= max;
}

static bool number(const char *text, unsigned long min, unsigned long max, uint32_t *ret)
{
    char *end;
    unsigned long v;

    errno = 0;
    v = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || text[0] == '-' || v < min || v > max)
        return false;
    *ret = (uint32_t)v;
    return true;
}

static bool command(const char *word, struct control_request *r)
{
    for (unsigned i = 0; i < CMD_COUNT; i++)
        if (i != CMD_READY && strcmp(word, control_cmd_name((enum control_cmd)i)) == 0) {
            r->cmd = (enum control_cmd)i;
            return true;
        }
    return false;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "socket", required_argument, NULL, 's' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "conn", required_argument, NULL, 'n' },
                                             { "ike", required_argument, NULL, 'i' },
                                             { "child", required_argument, NULL, 'c' },
                                             { "children", no_argument, NULL, 'a' },
                                             { "timeout", required_argument, NULL, 't' },
                                             { "help", no_argument, NULL, 'h' },
                                             { "skip", required_argument, NULL, 'k' },
                                             { "version", no_argument, NULL, 'v' },
                                             { 0 } };
    const char *path = "/run/ikestra/control.sock";
    struct control_request r = { .limit = 1000, .timeout_s = 30 };
    bool raw = false;
    uint64_t v;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (o) {
        case 's':
            path = optarg;
            break;
        case 'j':
            raw = true;
            break;
        case 'n':
            snprintf(r.conn, sizeof r.conn, "%s", optarg);
            break;
        case 'i':
            if (!spi(optarg, UINT64_MAX, &r.ike))
                return fail("--ike", "an IKE SPI is 16 hexadecimal digits"), 2;
            break;
        case 'c':
            if (!spi(optarg, UINT32_MAX, &v))
                return fail("--child", "an ESP SPI is 8 hexadecimal digits"), 2;
            r.child = (uint32_t)v;
            break;
        case 'a':
            r.all_children = true;
            break;
        case 't':
            if (!number(optarg, 1, 3600, &r.timeout_s))
                return fail("--timeout", "1 to 3600 seconds"), 2;
            break;
        case 'k':
            if (!number(optarg, 0, INT32_MAX, &r.skip))
                return fail("--skip", "a number of sessions"), 2;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'v':
            printf("ikestra %s\n", CLI_VERSION);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    if (optind >= argc || !command(argv[optind], &r) || argc - optind > 2) {
        fputs(usage, stderr);
        return 2;
    }
    if (argc - optind == 2 && strlen(argv[optind + 1]) >= sizeof r.conn)
        return fail(argv[optind + 1], "too long for the name of a connection"), 2;
    if (argc - optind == 2)
        snprintf(r.conn, sizeof r.conn, "%s", argv[optind + 1]);
    return ask(path, &r, raw);
}
