#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/load/load.h"

enum opt {
    O_RESPONDER = 256,
    O_LOCAL,
    O_AUTH,
    O_ID,
    O_REMOTE_ID,
    O_PSK,
    O_CERT,
    O_KEY,
    O_CA,
    O_SESSIONS,
    O_CONCURRENCY,
    O_IDENTITIES,
    O_REKEY_CHILD,
    O_REKEY_IKE,
    O_DELETE,
    O_DPD,
    O_HOLD,
    O_LIMIT,
    O_CHURN,
    O_ENCAP,
    O_PID,
    O_SUITE,
    O_ESP,
    O_REMOTE_TS,
    O_VIP,
    O_JSON,
    O_VERBOSE
};

static const struct option longs[] = {
    { "responder", required_argument, NULL, O_RESPONDER },
    { "local", required_argument, NULL, O_LOCAL },
    { "auth", required_argument, NULL, O_AUTH },
    { "id-template", required_argument, NULL, O_ID },
    { "remote-id", required_argument, NULL, O_REMOTE_ID },
    { "psk-file", required_argument, NULL, O_PSK },
    { "cert", required_argument, NULL, O_CERT },
    { "key", required_argument, NULL, O_KEY },
    { "ca", required_argument, NULL, O_CA },
    { "sessions", required_argument, NULL, O_SESSIONS },
    { "concurrency", required_argument, NULL, O_CONCURRENCY },
    { "identities", required_argument, NULL, O_IDENTITIES },
    { "rekey-child", required_argument, NULL, O_REKEY_CHILD },
    { "rekey-ike", required_argument, NULL, O_REKEY_IKE },
    { "delete", no_argument, NULL, O_DELETE },
    { "dpd", required_argument, NULL, O_DPD },
    { "hold", required_argument, NULL, O_HOLD },
    { "limit", required_argument, NULL, O_LIMIT },
    { "churn", no_argument, NULL, O_CHURN },
    { "encap", no_argument, NULL, O_ENCAP },
    { "pid", required_argument, NULL, O_PID },
    { "suite", required_argument, NULL, O_SUITE },
    { "esp", required_argument, NULL, O_ESP },
    { "remote-ts", required_argument, NULL, O_REMOTE_TS },
    { "vip", no_argument, NULL, O_VIP },
    { "json", no_argument, NULL, O_JSON },
    { "verbose", no_argument, NULL, O_VERBOSE },
    { NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: ike-load --responder IP --local IP --auth psk|cert [OPTION...]\n"
    "  --psk-file F | --cert F --key F --ca F   how we authenticate, and the peer\n"
    "  --id-template T   our identity; %d becomes its number (c%d.test)\n"
    "  --remote-id ID    the responder's identity (gw.test)\n"
    "  --sessions N      how many are started (1000)    --concurrency C  at a time (64)\n"
    "  --identities N    distinct ones (one per session, at most 4096)\n"
    "  --suite TEXT --esp TEXT --remote-ts PREFIX   proposals and selectors\n"
    "  --vip             ask for an inner IPv4 address\n"
    "  --encap           ESP in UDP always; IKE moves to port 4500\n"
    "  --rekey-child S --rekey-ike S --dpd S        while the sessions are held\n"
    "  --hold S          keep all sessions so long     --delete  then delete them\n"
    "  --churn           delete each session as soon as it is up\n"
    "  --pid PID         the responder, for its CPU and memory\n"
    "  --limit S         give up after so long (300)   --json  one line   --verbose  log\n";

static bool number(const char *name, const char *text, uint32_t least, uint32_t *ret)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || v < least || v > 10000000) {
        fprintf(stderr, "ike-load: --%s %s: must be a number from %u\n", name, text, least);
        return false;
    }
    *ret = (uint32_t)v;
    return true;
}

static bool address(const char *name, const char *text, struct ip_addr *ret)
{
    if (ip_parse(text, ret) == OK)
        return true;
    fprintf(stderr, "ike-load: --%s %s: is no IP address\n", name, text);
    return false;
}

/* %d once and no other conversion: it becomes a format string. */
static bool template_ok(const char *t)
{
    unsigned n = 0;

    for (; *t != '\0'; t++)
        if (*t == '%' && (t[1] != 'd' || ++n > 1))
            return false;
    return true;
}

static bool take(int opt, const char *name, struct load_options *o)
{
    uint32_t pid;

    switch (opt) {
    case O_RESPONDER:
        return address(name, optarg, &o->responder);
    case O_LOCAL:
        return address(name, optarg, &o->local);
    case O_AUTH:
        o->cert = optarg[0] == 'c';
        return true;
    case O_ID:
        o->id_template = optarg;
        return true;
    case O_REMOTE_ID:
        o->remote_id = optarg;
        return true;
    case O_PSK:
        o->psk_file = optarg;
        return true;
    case O_CERT:
        o->cert_file = optarg;
        return true;
    case O_KEY:
        o->key_file = optarg;
        return true;
    case O_CA:
        o->ca_file = optarg;
        return true;
    case O_SESSIONS:
        return number(name, optarg, 1, &o->sessions);
    case O_CONCURRENCY:
        return number(name, optarg, 1, &o->concurrency);
    case O_IDENTITIES:
        return number(name, optarg, 1, &o->identities);
    case O_REKEY_CHILD:
        return number(name, optarg, 1, &o->rekey_child_s);
    case O_REKEY_IKE:
        return number(name, optarg, 1, &o->rekey_ike_s);
    case O_DPD:
        return number(name, optarg, 1, &o->dpd_s);
    case O_HOLD:
        return number(name, optarg, 0, &o->hold_s);
    case O_LIMIT:
        return number(name, optarg, 1, &o->limit_s);
    case O_PID:
        if (!number(name, optarg, 1, &pid))
            return false;
        o->pid = (int)pid;
        return true;
    case O_SUITE:
        o->suite = optarg;
        return true;
    case O_ESP:
        o->esp = optarg;
        return true;
    case O_REMOTE_TS:
        o->remote_ts = optarg;
        return true;
    default:
        o->delete_all |= opt == O_DELETE;
        o->churn |= opt == O_CHURN;
        o->encap |= opt == O_ENCAP;
        o->vip |= opt == O_VIP;
        o->json |= opt == O_JSON;
        o->verbose |= opt == O_VERBOSE;
        return opt != '?';
    }
}

bool load_options_read(int argc, char **argv, struct load_options *ret)
{
    struct load_options o = { .id_template = "c%d.test",
                              .remote_id = "gw.test",
                              .suite = "aes128gcm16-prfsha256-x25519",
                              .esp = "aes128gcm16",
                              .remote_ts = "0.0.0.0/0",
                              .sessions = 1000,
                              .concurrency = 64,
                              .limit_s = 300 };
    int opt, at = 0;

    while ((opt = getopt_long(argc, argv, "", longs, &at)) != -1)
        if (!take(opt, opt == '?' ? "" : longs[at].name, &o)) {
            fputs(usage, stderr);
            return false;
        }
    if (optind != argc || o.responder.family == 0 || o.local.family == 0 ||
        (o.cert ? o.cert_file == NULL || o.key_file == NULL || o.ca_file == NULL
                : o.psk_file == NULL)) {
        fputs(usage, stderr);
        return false;
    }
    if (!template_ok(o.id_template)) {
        fprintf(stderr, "ike-load: --id-template %s: %%d once, no other %%\n", o.id_template);
        return false;
    }
    if (o.identities == 0)
        o.identities = o.sessions < 4096 ? o.sessions : 4096;
    *ret = o;
    return true;
}
