/* Whole files in, struct config or one line out. Every row of the tables is a mistake somebody
 * makes, with the exact words that answer it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/config/config.h"
#include "tests/unit/crypto/pki.h"

static char dir[] = "/tmp/ik-config-XXXXXX";

static void put_file(const char *name, const void *data, size_t len, mode_t mode)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(data, 1, len, f), len);
    fclose(f);
    cr_assert_eq(chmod(path, mode), 0);
}

static void put_text(const char *name, const char *text, mode_t mode)
{
    put_file(name, text, strlen(text), mode);
}

static const char ring[] =
    "# the cluster's keys\n"
    "1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f decrypt-only\n"
    "\n"
    "  2\tFF0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f active \n";

static void make_files(void)
{
    struct cert_spec root = { .subject = "ca", .ca = true },
                     spec = { .subject = "gw", .san = "DNS:gw.example.org" };
    EVP_PKEY *key = key_new("P-256"), *other = key_new("P-256");
    X509 *ca = cert_new(&root, other, NULL, NULL), *cert = cert_new(&spec, key, ca, other);
    struct octets o;

    cr_assert_not_null(mkdtemp(dir));
    put_text("psk", "  correct horse battery staple \nsecond line\n", 0600);
    put_text("psk-open", "correct horse battery staple\n", 0644);
    put_text("psk-short", "short\n", 0600);
    put_text("empty", "", 0600);
    put_text("blank", "   \nx\n", 0600);
    put_text("ring", ring, 0600);
    put_text("ring-bad", "1 0001 active\n", 0600);
    put_text("ring-two",
             "1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f active\n"
             "2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
             0600);
    put_text("ring-twice",
             "1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f active\n"
             "1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f retired\n",
             0600);
    o = key_file(key, true);
    put_file("gw.key", o.p, o.len, 0600);
    o = key_file(other, true);
    put_file("other.key", o.p, o.len, 0600);
    o = certs_pem(&cert, 1);
    put_file("gw.pem", o.p, o.len, 0644);
    o = certs_pem(&ca, 1);
    put_file("ca.pem", o.p, o.len, 0644);
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void remove_files(void)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(config, .init = make_files, .fini = remove_files);

#define PSK_SIDES                                                                                  \
    "\"name\": \"c\", \"psk_file\": \"psk\","                                                      \
    "\"local\": {\"auth\": \"psk\", \"id\": \"gw.example.org\"},"                                  \
    "\"remote\": {\"auth\": \"psk\", \"address\": \"192.0.2.1\"}"
#define CHILDREN "\"children\": [{\"name\": \"n\"}]"
#define CONN "{" PSK_SIDES ", " CHILDREN "}"
#define ROOT(more) "{\"connections\": [" CONN "]" more "}"
#define CONNS(conn) "{\"connections\": [" conn "]}"
#define WITH_CONN(more) CONNS("{" PSK_SIDES ", " CHILDREN ", " more "}")
#define WITH_CHILD(child) CONNS("{" PSK_SIDES ", \"children\": [" child "]}")

static struct config *good(const char *text)
{
    char error[CONFIG_ERROR];
    struct config *c = NULL;

    cr_assert_eq(config_parse(span_str(text), dir, &c, error), OK, "%s", error);
    return c;
}

static void bad(const char *text, const char *wanted)
{
    struct config *untouched = (struct config *)&dir, *c = untouched;
    char error[CONFIG_ERROR];

    cr_assert_eq(config_parse(span_str(text), dir, &c, error), E_CONFIG, "%s", text);
    cr_assert_eq(c, untouched);
    cr_assert_str_eq(error, wanted);
    cr_assert_null(strchr(error, '\n'));
}

struct row {
    const char *text, *error;
};

static void all_bad(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bad(rows[i].text, rows[i].error);
}
#define ALL_BAD(rows) all_bad(rows, sizeof rows / sizeof rows[0])

Test(config, one_connection_is_enough)
{
    struct config *c = good(ROOT(""));
    const struct policy_conn *p = &c->policy.conns[0];

    cr_assert_eq(c->policy.n_conns, 1);
    cr_assert_eq(c->node_id, 1);
    cr_assert_str_eq(c->node_name, "node1");
    cr_assert_eq(c->store, CONFIG_STORE_MEMORY);
    cr_assert_not(c->cluster.enabled);
    cr_assert_eq(c->cluster.slots, 4096);
    cr_assert_eq(c->cluster.n_keys, 0);
    cr_assert_eq(c->listen4.family, 4);
    cr_assert_eq(c->listen6.family, 0);
    cr_assert_str_eq(c->control_socket, "/run/ikestra/control.sock");
    cr_assert_eq(c->n_warnings, 0);
    cr_assert_eq(p->psk.len, strlen("correct horse battery staple"));
    cr_assert_arr_eq(p->psk.p, "correct horse battery staple", p->psk.len);
    cr_assert_eq(p->remote.port, 500);
    cr_assert_eq(p->local.addr.family, 0);
    cr_assert_eq(p->local_id.type, 2);
    cr_assert_eq(p->remote_id.type, 0);
    cr_assert_eq(p->rekey_s, 4 * 3600);
    cr_assert_gt(p->life_s, p->rekey_s);
    cr_assert_gt(p->n_suites, 4);
    cr_assert_eq(p->suites[0].dh, ALG_DH_CURVE25519);
    cr_assert(p->children[0].local_dynamic && p->children[0].remote_dynamic);
    cr_assert_eq(p->children[0].n_local, 0);
    cr_assert_eq(p->children[0].replay_window, 1024);
    config_free(c);
}

Test(config, everything_at_once)
{
    struct config *c = good(
        "{\"node\": {\"id\": 7, \"name\": \"g\", \"pop\": 3, \"state_file\": \"boot\"},"
        "\"cluster\": {\"listen\": \"10.0.0.7\", \"key_file\": \"ring\", \"slots\": 256,"
        "  \"peers\": [{\"id\": 8, \"name\": \"h\", \"address\": \"10.0.0.8:4700\"},"
        "              {\"id\": 9, \"address\": \"[fd00::9]:1\"}], \"heartbeat_ms\": 100},"
        "\"store\": {\"redis\": {\"host\": \"r\", \"port\": 7000, \"user\": \"u\", \"db\": 2,"
        "  \"password_file\": \"psk\", \"timeout_ms\": 250}},"
        "\"dataplane\": {\"tun\": {\"name\": \"ike0\", \"mtu\": 1300, \"raw_esp\": false}},"
        "\"listen\": [\"::\", \"192.0.2.7\"], \"control\": {\"socket\": \"/x/y\"},"
        "\"log\": {\"level\": \"warning\", \"file\": \"-\"},"
        "\"timers\": {\"retransmit_ms\": 500, \"half_open\": \"1m\", \"cookie_threshold\": 0},"
        "\"pools\": [{\"name\": \"a\", \"prefix\": \"10.9.0.0/16\"},"
        "            {\"name\": \"b\", \"prefix\": \"fd09::/64\"}],"
        "\"connections\": [{\"name\": \"x\", \"rekey\": \"2h\", \"lifetime\": \"1d\","
        "  \"local\": {\"auth\": \"cert\", \"id\": \"gw.example.org\", \"cert_file\": \"gw.pem\","
        "    \"key_file\": \"gw.key\", \"send_cert\": false, \"address\": \"192.0.2.7:4500\"},"
        "  \"remote\": {\"auth\": \"cert\", \"id\": \"*.example.org\", \"ca_files\": [\"ca.pem\"]},"
        "  \"pools\": [\"b\", \"a\"], \"dns\": [\"10.1.0.1\"], \"ike\": [\"aes256-sha256-ecp256\"],"
        "  \"jitter_percent\": 0, \"dpd\": 0, \"unique\": true, \"fragment_size\": 900,"
        "  \"children\": [{\"name\": \"k\", \"esp\": [\"aes256gcm16-ecp384-esn\"],"
        "    \"local_ts\": [\"10.1.0.0/16[tcp/443]\", \"10.2.0.5-10.2.0.9\", \"fd01::/64\"],"
        "    \"rekey\": 0, \"rekey_bytes\": \"2G\", \"lifetime_bytes\": \"3G\","
        "    \"rekey_packets\": 1000, \"replay_window\": 64}]}]}");
    const struct policy_conn *p = &c->policy.conns[0];
    const struct policy_child *k = &p->children[0];
    char text[ENDPOINT_TEXT_MAX];

    cr_assert_eq(c->cluster.n_peers, 2);
    cr_assert_str_eq(endpoint_text(&c->cluster.listen, text), "10.0.0.7:4600");
    cr_assert_str_eq(endpoint_text(&c->cluster.peers[0].address, text), "10.0.0.8:4700");
    cr_assert_str_eq(c->cluster.peers[1].name, "node9");
    cr_assert_eq(c->cluster.n_keys, 2);
    cr_assert_eq(c->cluster.keys[0].state, CONFIG_KEY_DECRYPT_ONLY);
    cr_assert_eq(c->cluster.keys[1].id, 2);
    cr_assert_eq(c->cluster.keys[1].key.data[0], 0xff);
    cr_assert_eq(c->redis.port, 7000);
    cr_assert_eq(c->redis.password.len, 28);
    cr_assert_eq(c->listen6.family, 6);
    cr_assert_eq(c->listen4.ip[3], 7);
    cr_assert_eq(c->log_level, LOG_WARN);
    cr_assert_eq(c->policy.half_open_ms, 60000);
    cr_assert_eq(c->policy.cookie_threshold, 0);
    cr_assert_eq(c->n_pools, 2);
    cr_assert_str_eq(p->pools[0].name, "b");
    cr_assert_not_null(p->chain);
    cr_assert_not_null(p->key);
    cr_assert_not_null(p->anchors);
    cr_assert_not(p->send_cert);
    cr_assert_eq(p->local.port, 4500);
    cr_assert(p->remote_id.wildcard);
    cr_assert_eq(p->remote_id.data.len, strlen(".example.org"));
    cr_assert_eq(p->life_s, 86400);
    cr_assert_eq(k->n_local, 3);
    cr_assert_eq(k->local_ts[0].protocol, 6);
    cr_assert_eq(k->local_ts[0].port_first, 443);
    cr_assert_eq(k->local_ts[0].last.ip[3], 255);
    cr_assert_eq(k->local_ts[1].first.ip[3], 5);
    cr_assert_eq(k->local_ts[2].last.ip[15], 0xff);
    cr_assert_eq(k->local_ts[2].last.ip[7], 0);
    cr_assert(k->remote_dynamic);
    cr_assert_eq(k->life_s, 0);
    cr_assert_eq(k->life_bytes, 3ull << 30);
    cr_assert_eq(k->life_packets, 1250);
    cr_assert(k->suites[0].esn);
    config_free(c);
}

Test(config, who_asks_for_an_address_wants_everything_behind_it)
{
    struct config *c = good(WITH_CONN("\"request\": [\"ipv4\"]"));
    const struct policy_child *k = &c->policy.conns[0].children[0];

    cr_assert(c->policy.conns[0].request_vip4);
    cr_assert_not(c->policy.conns[0].request_vip6);
    cr_assert(k->local_dynamic);
    cr_assert_not(k->remote_dynamic);
    cr_assert_eq(k->n_remote, 2);
    cr_assert_eq(k->remote_ts[0].last.ip[0], 255);
    config_free(c);
}

Test(config, secrets_that_others_can_read_or_guess_are_warned_about)
{
    struct config *c =
        good(CONNS("{\"name\": \"c\", \"psk_file\": \"psk-open\", \"local\": {\"auth\": \"psk\"},"
                   "\"remote\": {\"auth\": \"psk\"}, " CHILDREN "}"));

    cr_assert_eq(c->n_warnings, 1);
    cr_assert_not_null(strstr(c->warnings[0], "connections[0].psk_file: "));
    cr_assert_not_null(strstr(c->warnings[0], "open to every user of this host; chmod 600 it"));
    config_free(c);
    c = good(CONNS("{\"name\": \"c\", \"psk_file\": \"psk-short\", \"local\": {\"auth\": \"psk\"},"
                   "\"remote\": {\"auth\": \"psk\"}, " CHILDREN "}"));
    cr_assert_eq(c->n_warnings, 1);
    cr_assert_str_eq(c->warnings[0], "connections[0].psk_file: the key has only 5 characters and "
                                     "can be guessed; openssl rand -base64 32");
    config_free(c);
}

Test(config, the_file_as_such)
{
    static const struct row rows[] = {
        { "", "line 1, column 0: not valid JSON: unexpected token near end of file" },
        { "{\"node\": {\"id\": 1, \"id\": 2}}",
          "line 1, column 23: not valid JSON: duplicate object key near '\"id\"'" },
        { "[]", "must be an object, not an array" },
        { "{}", "connections: missing; list at least one; docs/configuration.md has examples" },
        { CONNS(""), "connections: empty; list at least one; docs/configuration.md has examples" },
        { ROOT(", \"nodes\": {}"),
          "unknown key \"nodes\"; known here: node, cluster, store, dataplane, listen, control, "
          "log, timers, pools, connections" },
        { "{\"connections\": {}}", "connections: must be an array, not an object" },
        { CONNS("null"), "connections[0]: must be an object, not null" },
    };

    ALL_BAD(rows);
}

Test(config, node_and_cluster)
{
    static const struct row rows[] = {
        { ROOT(", \"node\": 1"), "node: must be an object, not a number" },
        { ROOT(", \"node\": {\"id\": 0}"), "node.id: 0 is out of range; 1 to 4095" },
        { ROOT(", \"node\": {\"id\": -3}"), "node.id: -3 is out of range; 1 to 4095" },
        { ROOT(", \"node\": {\"id\": 4096}"), "node.id: 4096 is out of range; 1 to 4095" },
        { ROOT(", \"node\": {\"id\": 1.5}"),
          "node.id: must be a whole number, not a number with a fraction" },
        { ROOT(", \"node\": {\"id\": \"1\"}"), "node.id: must be a whole number, not a string" },
        { ROOT(", \"node\": {\"nam\": \"x\"}"),
          "node: unknown key \"nam\"; known here: id, name, pop, state_file" },
        { ROOT(", \"node\": {\"name\": \"a b\"}"),
          "node.name: \"a b\": a name has letters, digits, '.', '-' and '_' only" },
        { ROOT(", \"node\": {\"pop\": 64}"), "node.pop: 64 is out of range; 1 to 63" },
        { ROOT(", \"cluster\": {\"slots\": 1000}"),
          "cluster.slots: 1000 is not a power of two; 4096 is right unless you test" },
        { ROOT(", \"cluster\": {\"listen\": \"here\"}"),
          "cluster.listen: \"here\" is no address; write for example 192.0.2.1, 192.0.2.1:500 or "
          "[2001:db8::1]:500" },
        { ROOT(", \"cluster\": {\"peers\": [{\"id\": 2, \"address\": \"10.0.0.2\"}]}"),
          "cluster.listen: missing; say at which address the other nodes reach this one" },
        { ROOT(", \"cluster\": {\"listen\": \"10.0.0.1\", \"peers\": [{\"id\": 1}]}"),
          "cluster.peers[0].id: 1 is this node's own id; list only the other nodes" },
        { ROOT(", \"cluster\": {\"listen\": \"10.0.0.1\", \"peers\": [{\"id\": 2}]}"),
          "cluster.peers[0].address: missing; say where its cluster.listen is, for example "
          "10.0.0.2:4600" },
        { ROOT(", \"cluster\": {\"listen\": \"10.0.0.1\", \"peers\": [{\"id\": 2, \"address\": "
               "\"10.0.0.2\"}, {\"id\": 2}]}"),
          "cluster.peers[1].id: node 2 is listed twice" },
        { ROOT(", \"cluster\": {\"listen\": \"10.0.0.1\", \"peers\": [{\"id\": 2, \"address\": "
               "\"10.0.0.2\"}]}"),
          "store: a cluster needs one store for all nodes; write {\"redis\": {\"host\": ...}}" },
        { ROOT(", \"cluster\": {\"key_file\": \"ring-bad\"}"),
          "cluster.key_file: line 1: must be an id from 1, 64 hex digits and a state (active, "
          "decrypt-only, retired)" },
        { ROOT(", \"cluster\": {\"key_file\": \"ring-two\"}"),
          "cluster.key_file: 2 active keys; exactly one is needed, for example: echo \"1 $(openssl "
          "rand -hex 32) active\"" },
        { ROOT(", \"cluster\": {\"key_file\": \"ring-twice\"}"),
          "cluster.key_file: line 2: key id 1 is there twice" },
        { ROOT(", \"cluster\": {\"listen\": \"10.0.0.1\", \"lease_ms\": 1000}"),
          "cluster.lease_ms: must not be below cluster.deadline_ms" },
    };

    ALL_BAD(rows);
}

Test(config, store_dataplane_listen_log)
{
    static const struct row rows[] = {
        { ROOT(", \"store\": \"disk\""),
          "store: unknown store \"disk\"; write \"memory\" or {\"redis\": {\"host\": ...}}" },
        { ROOT(", \"store\": 1"), "store: write \"memory\" or {\"redis\": {\"host\": ...}}" },
        { ROOT(", \"store\": {\"redis\": {\"password\": \"x\"}}"),
          "store.redis.password: a password does not stand here; put it in a file and name it in "
          "\"password_file\"" },
        { ROOT(", \"store\": {\"redis\": {\"password_file\": \"blank\"}}"),
          "store.redis.password_file: the first line is empty; put the Redis password there" },
        { ROOT(", \"store\": {\"redis\": {}}"),
          "cluster.key_file: missing; what is in Redis outlives the daemon, so its key must too: "
          "echo \"1 $(openssl rand -hex 32) active\"" },
        { ROOT(", \"store\": {\"redis\": {}}, \"cluster\": {}"),
          "cluster.key_file: missing; name the file with the cluster's keys, the same on every "
          "node" },
        { ROOT(", \"store\": {\"redis\": {\"unix\": \"/r\", \"port\": 1}}"),
          "store.redis.port: not together with \"unix\"; give one of the two" },
        { ROOT(", \"dataplane\": \"xfrm\""),
          "dataplane: the kernel data plane is not built yet; write \"auto\" or \"tun\"" },
        { ROOT(", \"dataplane\": \"fast\""),
          "dataplane: unknown data plane \"fast\"; write \"auto\" or \"tun\"" },
        { ROOT(", \"dataplane\": {\"tun\": {\"mtu\": 100}}"),
          "dataplane.tun.mtu: 100 is out of range; 576 to 9000" },
        { ROOT(", \"dataplane\": {\"tun\": {\"name\": \"a-name-longer-than-15\"}}"),
          "dataplane.tun.name: longer than 15 characters" },
        { ROOT(", \"listen\": []"),
          "listen: empty; write [\"0.0.0.0\"] for every IPv4 address of this host" },
        { ROOT(", \"listen\": [\"0.0.0.0\", \"10.0.0.1\"]"),
          "listen[1]: a second IPv4 address; at most one of each family: 0.0.0.0 and :: take all "
          "of them" },
        { ROOT(", \"listen\": [\"host\"]"),
          "listen[0]: \"host\" is no address; write for example 192.0.2.1, 0.0.0.0 or ::" },
        { ROOT(", \"log\": {\"level\": \"loud\"}"),
          "log.level: unknown level \"loud\"; one of debug, info, warning, error" },
        { ROOT(", \"control\": {\"socket\": \"\"}"),
          "control.socket: must not be empty; name a file" },
        { ROOT(", \"timers\": {\"half_open\": \"1 m\"}"),
          "timers.half_open: cannot read \"1 m\"; write seconds, or for example \"30s\", \"15m\", "
          "\"4h\", \"1d\"" },
        { ROOT(", \"pools\": [{\"name\": \"a\"}]"),
          "pools[0].prefix: missing; write for example \"10.9.0.0/16\"" },
        { ROOT(", \"pools\": [{\"name\": \"a\", \"prefix\": \"10.9.0.0/33\"}]"),
          "pools[0].prefix: \"10.9.0.0/33\" is no prefix; write for example \"10.9.0.0/16\"" },
        { ROOT(", \"pools\": [{\"name\": \"a\", \"prefix\": \"10.9.0.0/16\"}, {\"name\": \"b\", "
               "\"prefix\": \"10.9.4.0/24\"}]"),
          "pools[1].prefix: \"10.9.4.0/24\" overlaps pool \"a\"" },
    };

    ALL_BAD(rows);
}

#define SIDES(local, remote)                                                                       \
    CONNS("{\"name\": \"c\", \"local\": {" local "}, \"remote\": {" remote "}, " CHILDREN "}")
#define CERT "\"auth\": \"cert\", \"cert_file\": \"gw.pem\", \"key_file\": \"gw.key\""

Test(config, authentication)
{
    static const struct row rows[] = {
        { CONNS("{}"), "connections[0].name: missing; every connection has one" },
        { CONNS("{\"name\": \"c\"}"),
          "connections[0].local: missing; say how we authenticate: {\"auth\": \"psk\" or "
          "\"cert\", ...}" },
        { SIDES("", ""), "connections[0].local.auth: missing; write \"psk\" or \"cert\"" },
        { SIDES("\"auth\": \"eap\"", ""),
          "connections[0].local.auth: unknown method \"eap\"; write \"psk\" or \"cert\"" },
        { SIDES("\"auth\": \"psk\", \"psk\": \"x\"", ""),
          "connections[0].local.psk: a secret does not stand here; put it in a file (chmod 600) "
          "and name it in \"psk_file\"" },
        { SIDES("\"auth\": \"psk\"", "\"auth\": \"psk\""),
          "connections[0].psk_file: missing; name the file whose first line is the pre-shared key "
          "(chmod 600)" },
        { SIDES("\"auth\": \"cert\"", ""),
          "connections[0].local.cert_file: missing; name the file with our certificate (and its "
          "intermediates)" },
        { SIDES("\"auth\": \"cert\", \"cert_file\": \"psk\"", ""),
          "connections[0].local.cert_file: no certificate that can be used (PEM, RSA from 2048 "
          "bits, P-256/384/521, Ed25519, Ed448)" },
        { SIDES("\"auth\": \"cert\", \"cert_file\": \"gw.pem\", \"key_file\": \"other.key\"", ""),
          "connections[0].local.key_file: this private key does not belong to the certificate in "
          "cert_file" },
        { SIDES("\"auth\": \"cert\", \"cert_file\": \"gw.pem\", \"key_file\": \"psk\"", ""),
          "connections[0].local.key_file: no private key that can be used (PEM, not encrypted; RSA "
          "from 2048 bits, P-256/384/521, Ed25519, Ed448)" },
        { SIDES(CERT ", \"id\": \"other.example.org\"", ""),
          "connections[0].local.id: the certificate in cert_file does not carry this identity; "
          "peers would refuse it" },
        { SIDES(CERT ", \"id\": \"*.example.org\"", ""),
          "connections[0].local.id: \"*.example.org\": a pattern is %any, *.example.org or "
          "*@example.org, and only the remote side has one" },
        { SIDES(CERT, "\"auth\": \"cert\""),
          "connections[0].remote.ca_files: missing; list the files with the CAs that the peer's "
          "certificate is checked against" },
        { SIDES(CERT, "\"auth\": \"cert\", \"ca_files\": [\"psk\"]"),
          "connections[0].remote.ca_files[0]: no CA certificate in this file; PEM or DER is read" },
        { SIDES(CERT, "\"auth\": \"cert\", \"ca_files\": [\"ca.pem\"], \"id\": \"*\\u0000\""),
          "line 1, column 169: not valid JSON: \\u0000 is not allowed without JSON_ALLOW_NUL near "
          "'\"*\\u0000\"'" },
        { SIDES(CERT, "\"auth\": \"cert\", \"ca_files\": [\"ca.pem\"], \"id\": \"a*b\""),
          "connections[0].remote.id: \"a*b\": a pattern is %any, *.example.org or "
          "*@example.org, and only the remote side has one" },
        { CONNS("{\"name\": \"c\", \"psk_file\": \"psk\", \"local\": {" CERT "}, \"remote\": "
                "{\"auth\": \"cert\", \"ca_files\": [\"ca.pem\"]}, " CHILDREN "}"),
          "connections[0].psk_file: no side of this connection has auth \"psk\"; leave it out" },
    };

    ALL_BAD(rows);
}

Test(config, connections_and_children)
{
    static const struct row rows[] = {
        { WITH_CONN("\"ike\": [\"aes128-sha1-modp1024\"]"),
          "connections[0].ike[0]: unknown suite \"aes128-sha1-modp1024\"; try "
          "aes128gcm16-prfsha256-x25519" },
        { WITH_CONN("\"ike\": []"), "connections[0].ike: empty; leave it out for the defaults, or "
                                    "try aes128gcm16-prfsha256-x25519" },
        { WITH_CONN("\"pools\": [\"nope\"]"),
          "connections[0].pools[0]: no pool \"nope\"; define it under \"pools\"" },
        { WITH_CONN("\"dns\": [\"dns.example.org\"]"),
          "connections[0].dns[0]: \"dns.example.org\" is no address of a DNS server" },
        { WITH_CONN("\"request\": [\"ipv5\"]"),
          "connections[0].request[0]: \"ipv5\": ask for \"ipv4\" or \"ipv6\"" },
        { WITH_CONN("\"rekey\": \"4h\", \"lifetime\": \"4h\""),
          "connections[0]: lifetime: 14400 s must be longer than rekey, 14400 s" },
        { WITH_CONN("\"jitter_percent\": 51"),
          "connections[0].jitter_percent: 51 is out of range; 0 to 50" },
        { WITH_CONN("\"unique\": \"yes\""),
          "connections[0].unique: must be true or false, not a string" },
        { "{\"connections\": [" CONN ", " CONN "]}",
          "connections[1].name: \"c\" is the name of two connections" },
        { CONNS("{" PSK_SIDES "}"), "connections[0].children: missing; list at least one: "
                                    "{\"name\": ..., \"local_ts\": [...], ...}" },
        { WITH_CHILD(""), "connections[0].children: empty; list at least one: {\"name\": ..., "
                          "\"local_ts\": [...], ...}" },
        { WITH_CHILD("{\"name\": \"a\"}, {\"name\": \"a\"}"),
          "connections[0].children[1].name: \"a\" is the name of two children" },
        { WITH_CHILD("{\"name\": \"a\"}, {\"name\": \"b\", \"esp\": [\"aes128gcm16\", "
                     "\"aes256gcm16\", \"x\"]}"),
          "connections[0].children[1].esp[2]: unknown suite \"x\"; try aes128gcm16-x25519" },
        { WITH_CHILD("{\"name\": \"a\", \"local_ts\": [\"10.1.0.1/16\"]}"),
          "connections[0].children[0].local_ts[0]: cannot read \"10.1.0.1/16\"; write "
          "\"10.1.0.0/16\" (no host bits), \"10.1.0.5-10.1.0.9\", \"10.1.0.0/16[tcp/443]\" or "
          "\"dynamic\"" },
        { WITH_CHILD("{\"name\": \"a\", \"rekey\": 100, \"lifetime\": 100}"),
          "connections[0].children[0]: lifetime: 100 must be more than rekey, 100" },
        { WITH_CHILD("{\"name\": \"a\", \"rekey_bytes\": \"1X\"}"),
          "connections[0].children[0].rekey_bytes: cannot read \"1X\"; write a number, or for "
          "example \"500M\", \"4G\"" },
        { WITH_CHILD("{\"name\": \"a\", \"rekey_bytes\": \"99999999T\"}"),
          "connections[0].children[0].rekey_bytes: \"99999999T\" is too large" },
        { WITH_CHILD("{\"name\": \"a\", \"replay_window\": 2048}"),
          "connections[0].children[0].replay_window: 2048 is out of range; 32 to 1024" },
        { WITH_CHILD("{\"name\": \"a\", \"start\": \"now\"}"),
          "connections[0].children[0].start: unknown \"now\"; write \"auto\" (start with the "
          "daemon) or \"none\"" },
    };

    ALL_BAD(rows);
}

Test(config, selectors_that_cannot_be)
{
    static const char *const texts[] = {
        "",
        "10.0.0.0/33",
        "10.0.0.9-10.0.0.1",
        "10.0.0.1-fd00::1",
        "10.0.0.0/8[tcp",
        "[tcp]",
        "10.0.0.0/8[tcp/2-1]",
        "10.0.0.0/8[tcp/65536]",
        "10.0.0.0/8[256]",
        "10.0.0.0/8[x/1]",
        "10.0.0.0/8[tcp/]",
        "10.0.0.0/8]tcp[",
        "10.0.0.0/8[tcp/1-]",
        "10.0.0.0/8[]",
        "10.0.0.0/8 ",
        "DYNAMIC",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[1024], error[CONFIG_ERROR];
        struct config *c = NULL;

        snprintf(text, sizeof text,
                 CONNS("{" PSK_SIDES ", \"children\": [{\"name\": \"n\", \"remote_ts\": "
                       "[\"10.0.0.0/8\", \"%s\"]}]}"),
                 texts[i]);
        cr_assert_eq(config_parse(span_str(text), dir, &c, error), E_CONFIG, "%s", texts[i]);
        cr_assert_not_null(strstr(error, "connections[0].children[0].remote_ts[1]: cannot read"),
                           "%s", error);
    }
}

Test(config, files_that_are_not_there)
{
    char error[CONFIG_ERROR], wanted[CONFIG_ERROR];
    struct config *c;

    cr_assert_eq(
        config_parse(
            span_str(CONNS("{\"name\": \"c\", \"psk_file\": \"gone\", \"local\": "
                           "{\"auth\": \"psk\"}, \"remote\": {\"auth\": \"psk\"}, " CHILDREN "}")),
            dir, &c, error),
        E_CONFIG);
    snprintf(wanted, sizeof wanted,
             "connections[0].psk_file: cannot open %s/gone: No such file or directory; put the "
             "pre-shared key there (chmod 600)",
             dir);
    cr_assert_str_eq(error, wanted);
    cr_assert_eq(config_load("/nowhere/x.json", &c, error), E_CONFIG);
    cr_assert_str_eq(error, "/nowhere/x.json: cannot read it: No such file or directory; name the "
                            "configuration with --config FILE");
    put_text("bad.json", "{\"connections\": 3}", 0644);
    snprintf(wanted, sizeof wanted, "%s/bad.json", dir);
    cr_assert_eq(config_load(wanted, &c, error), E_CONFIG);
    snprintf(wanted, sizeof wanted, "%s/bad.json: connections: must be an array, not a number",
             dir);
    cr_assert_str_eq(error, wanted);
}

/* No truncation of a good file is good, crashes, or gives more than one line. */
Test(config, every_truncation)
{
    static const char text[] = ROOT(", \"listen\": [\"::\"]");

    for (size_t n = 0; n < sizeof text - 1; n++) {
        char error[CONFIG_ERROR];
        struct config *c = NULL;

        cr_assert_eq(config_parse(span_of(text, n), dir, &c, error), E_CONFIG, "%zu", n);
        cr_assert(error[0] != '\0' && strchr(error, '\n') == NULL);
    }
}

Test(config, examples_read_as_far_as_their_files_go)
{
    static const char *const names[] = { "single-psk", "site-to-site" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512], text[8192], error[CONFIG_ERROR];
        struct config *c = NULL;
        FILE *f;
        size_t n;

        snprintf(path, sizeof path, TEST_SOURCE_DIR "/deploy/examples/%s.json", names[i]);
        f = fopen(path, "r");
        cr_assert_not_null(f, "%s", path);
        n = fread(text, 1, sizeof text, f);
        fclose(f);
        cr_assert_eq(config_parse(span_of(text, n), dir, &c, error), OK, "%s: %s", names[i], error);
        config_free(c);
    }
}
