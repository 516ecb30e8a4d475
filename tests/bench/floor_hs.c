/* floor_hs: the CPU time that one responder handshake cannot avoid: IKE_SA_INIT, IKE_AUTH and the
 * first Child SA, as OpenSSL calls and socket calls and nothing else.
 *
 *     floor_hs psk|ecdsa-p256|ecdsa-p256-cached [N]
 *
 * Prints one JSON line {"case", "handshakes", "us_per_handshake", "us_io"}: CPU microseconds (user
 * and system) of the responder's side, the socket calls being about us_io of them. It includes
 * nothing of the product, on purpose. Algorithms are fetched once and contexts reused, as anybody
 * would who wants speed.
 *
 *   psk          x25519 key and agreement; SKEYSEED, seven keys; open, seal; AUTH made and checked
 * by PSK; Child SA keys ecdsa-p256   instead of PSK: one signature, one AUTH verification with the
 * key from the peer's certificate, one verification of that certificate under a CA that is held in
 * memory
 *   ...-cached   without that last one, as for a certificate seen before
 *
 * Messages have the sizes of the suite aes128gcm16-prfsha256-x25519 with CP and one selector each
 * way. The initiator's datagrams are sent, and its answers taken, outside of what is counted, in
 * rounds of ROUND handshakes. They are rubbish of the right size: a tag that does not match, and a
 * PSK AUTH that is not compared, cost the same. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

enum {
    INIT_REQUEST = 248,
    INIT_REPLY = 256,
    AUTH_PSK = 240, /* content of SK, both directions */
    AUTH_CERT = 820,
    NONCE = 32,
    HASH = 32,
    GCM_KEY = 20, /* with salt */
    CHILD_KEYS = 2 * GCM_KEY,
    IKE_KEYS = 3 * HASH + 2 * GCM_KEY,
    AAD = 32,
    TAG = 16,
    CERT_TBS = 350,
    ROUND = 32,
    WARM_UP = 200,
};

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "floor_hs: failed: %s\n", #x);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static struct {
    EVP_MAC_CTX *hmac;
    EVP_CIPHER_CTX *seal, *open;
    EVP_MD *sha256;
    EVP_MD_CTX *md;
    EVP_PKEY_CTX *keygen, *ec;
} o;

static double cpu_us(void)
{
    struct timespec t;

    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void openssl_init(void)
{
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                             (char[]){ "SHA256" }, 0),
                            OSSL_PARAM_construct_end() };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    uint8_t zero[32] = { 0 };

    o.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK(mac != NULL && gcm != NULL && o.sha256 != NULL);
    CHECK((o.hmac = EVP_MAC_CTX_new(mac)) != NULL);
    CHECK(EVP_MAC_init(o.hmac, zero, sizeof zero, params) == 1);
    CHECK((o.seal = EVP_CIPHER_CTX_new()) != NULL && (o.open = EVP_CIPHER_CTX_new()) != NULL);
    CHECK(EVP_EncryptInit_ex2(o.seal, gcm, NULL, NULL, NULL) == 1);
    CHECK(EVP_DecryptInit_ex2(o.open, gcm, NULL, NULL, NULL) == 1);
    CHECK((o.md = EVP_MD_CTX_new()) != NULL);
    CHECK((o.keygen = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL)) != NULL);
    CHECK(EVP_PKEY_keygen_init(o.keygen) == 1);
    CHECK((o.ec = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL)) != NULL);
    EVP_MAC_free(mac);
    EVP_CIPHER_free(gcm);
}

/* ---- the calls ---- */

static void prf(const uint8_t *key, size_t key_len, const uint8_t *a, size_t a_len,
                const uint8_t *b, size_t b_len, uint8_t out[HASH])
{
    size_t n = 0;

    CHECK(EVP_MAC_init(o.hmac, key, key_len, NULL) == 1);
    CHECK(EVP_MAC_update(o.hmac, a, a_len) == 1);
    if (b_len > 0)
        CHECK(EVP_MAC_update(o.hmac, b, b_len) == 1);
    CHECK(EVP_MAC_final(o.hmac, out, &n, HASH) == 1);
}

static void prf_plus(const uint8_t *key, const uint8_t *seed, size_t seed_len, uint8_t *out,
                     size_t len)
{
    uint8_t block[HASH];

    for (uint8_t i = 1; len > 0; i++) {
        size_t n = 0, take = len < HASH ? len : HASH;

        CHECK(EVP_MAC_init(o.hmac, i == 1 ? key : NULL, i == 1 ? HASH : 0, NULL) == 1);
        if (i > 1)
            CHECK(EVP_MAC_update(o.hmac, block, HASH) == 1);
        CHECK(EVP_MAC_update(o.hmac, seed, seed_len) == 1);
        CHECK(EVP_MAC_update(o.hmac, &i, 1) == 1);
        CHECK(EVP_MAC_final(o.hmac, block, &n, HASH) == 1);
        memcpy(out, block, take);
        out += take;
        len -= take;
    }
}

static void gcm_seal(const uint8_t *key, const uint8_t *aad, uint8_t *text, int len, uint8_t *tag)
{
    int n;

    CHECK(EVP_EncryptInit_ex2(o.seal, NULL, key, key + 8, NULL) == 1);
    CHECK(EVP_EncryptUpdate(o.seal, NULL, &n, aad, AAD) == 1);
    CHECK(EVP_EncryptUpdate(o.seal, text, &n, text, len) == 1);
    CHECK(EVP_EncryptFinal_ex(o.seal, text, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(o.seal, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
}

static void gcm_open(const uint8_t *key, const uint8_t *aad, uint8_t *text, int len, uint8_t *tag)
{
    int n;

    CHECK(EVP_DecryptInit_ex2(o.open, NULL, key, key + 8, NULL) == 1);
    CHECK(EVP_DecryptUpdate(o.open, NULL, &n, aad, AAD) == 1);
    CHECK(EVP_DecryptUpdate(o.open, text, &n, text, len) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(o.open, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
    CHECK(EVP_DecryptFinal_ex(o.open, text, &n) != 1); /* rubbish */
}

static void x25519(const uint8_t peer[32], uint8_t pub[32], uint8_t shared[32])
{
    EVP_PKEY *key = NULL;
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer, 32);
    EVP_PKEY_CTX *c;
    size_t n = 32;

    CHECK(EVP_PKEY_generate(o.keygen, &key) == 1);
    CHECK(EVP_PKEY_get_raw_public_key(key, pub, &n) == 1);
    CHECK((c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL)) != NULL);
    CHECK(EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer_ex(c, theirs, 0) == 1);
    CHECK(EVP_PKEY_derive(c, shared, &n) == 1);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(key);
}

static void sha256(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                   uint8_t out[HASH])
{
    unsigned n;

    CHECK(EVP_DigestInit_ex2(o.md, o.sha256, NULL) == 1);
    CHECK(EVP_DigestUpdate(o.md, a, a_len) == 1 && EVP_DigestUpdate(o.md, b, b_len) == 1);
    CHECK(EVP_DigestFinal_ex(o.md, out, &n) == 1);
}

static size_t ecdsa_sign(EVP_PKEY *key, const uint8_t hash[HASH], uint8_t sig[80])
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t n = 80;

    CHECK(EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_sign(c, sig, &n, hash, HASH) == 1);
    EVP_PKEY_CTX_free(c);
    return n;
}

static void ecdsa_verify(EVP_PKEY *key, const uint8_t hash[HASH], const uint8_t *sig, size_t len)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

    CHECK(EVP_PKEY_verify_init(c) == 1 && EVP_PKEY_verify(c, sig, len, hash, HASH) == 1);
    EVP_PKEY_CTX_free(c);
}

static EVP_PKEY *ec_load(const uint8_t *point, size_t len)
{
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                             (char[]){ "P-256" }, 0),
                            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                              (uint8_t *)(uintptr_t)point, len),
                            OSSL_PARAM_construct_end() };
    EVP_PKEY *key = NULL;

    CHECK(EVP_PKEY_fromdata_init(o.ec) == 1);
    CHECK(EVP_PKEY_fromdata(o.ec, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    return key;
}

/* ---- one handshake ---- */

struct world {
    int client, server;
    struct sockaddr_in client_addr;
    bool cert, cached;
    uint8_t peer_pub[32];
    uint8_t request[INIT_REQUEST]; /* IKE_SA_INIT request and reply as signed */
    uint8_t nonces[2 * NONCE];
    EVP_PKEY *our_key, *ca_key, *peer_key;
    uint8_t peer_point[65]; /* as in a SubjectPublicKeyInfo */
    size_t peer_point_len;
    uint8_t tbs[CERT_TBS]; /* what the CA signed */
    uint8_t ca_sig[80];
    size_t ca_sig_len;
    uint8_t peer_sig[80];
    size_t peer_sig_len;
    uint8_t peer_octets[INIT_REQUEST + NONCE]; /* what peer_sig covers besides the MACed ID */
};

static void receive(const struct world *w, uint8_t *in, size_t len, struct sockaddr_in *from)
{
    socklen_t n = sizeof *from;

    CHECK(recvfrom(w->server, in, len, 0, (struct sockaddr *)from, &n) == (ssize_t)len);
}

static void answer(const struct world *w, const uint8_t *out, size_t len,
                   const struct sockaddr_in *to)
{
    CHECK(sendto(w->server, out, len, 0, (const struct sockaddr *)to, sizeof *to) == (ssize_t)len);
}

static void auth_psk(const struct world *w, const uint8_t *keys, const uint8_t *reply)
{
    static const uint8_t pad[] = "Key Pad for IKEv2", psk[] = "a pre-shared key", id[24];
    uint8_t padded[HASH], maced[HASH], auth[HASH];
    const uint8_t *sk_p = keys + HASH + 2 * GCM_KEY;

    for (int side = 0; side < 2; side++) { /* theirs, then ours */
        const uint8_t *m = side == 0 ? w->request : reply;
        size_t n = 0;

        prf(sk_p + side * HASH, HASH, id, sizeof id, NULL, 0, maced);
        prf(psk, sizeof psk - 1, pad, sizeof pad - 1, NULL, 0, padded);
        CHECK(EVP_MAC_init(o.hmac, padded, HASH, NULL) == 1);
        CHECK(EVP_MAC_update(o.hmac, m, side == 0 ? INIT_REQUEST : INIT_REPLY) == 1);
        CHECK(EVP_MAC_update(o.hmac, w->nonces + side * NONCE, NONCE) == 1);
        CHECK(EVP_MAC_update(o.hmac, maced, HASH) == 1);
        CHECK(EVP_MAC_final(o.hmac, auth, &n, HASH) == 1);
    }
}

static void auth_cert(const struct world *w, const uint8_t *keys, const uint8_t *reply)
{
    static const uint8_t id[24];
    uint8_t maced[HASH], hash[HASH], sig[80];
    const uint8_t *sk_p = keys + HASH + 2 * GCM_KEY;
    EVP_PKEY *peer = w->peer_key, *loaded = NULL;

    /* Their certificate under our CA, then their AUTH under its key. The initiator's messages were
     * made beforehand, so its signature does not cover this handshake's MACed ID; the cost is the
     * same. */
    if (!w->cached) {
        sha256(w->tbs, sizeof w->tbs, NULL, 0, hash);
        ecdsa_verify(w->ca_key, hash, w->ca_sig, w->ca_sig_len);
        peer = loaded = ec_load(w->peer_point, w->peer_point_len);
    }
    prf(sk_p, HASH, id, sizeof id, NULL, 0, maced);
    sha256(w->peer_octets, sizeof w->peer_octets, NULL, 0, hash);
    ecdsa_verify(peer, hash, w->peer_sig, w->peer_sig_len);
    EVP_PKEY_free(loaded);

    prf(sk_p + HASH, HASH, id, sizeof id, NULL, 0, maced);
    sha256(reply, INIT_REPLY, maced, HASH, hash);
    CHECK(ecdsa_sign(w->our_key, hash, sig) > 0);
}

static void handshake(const struct world *w)
{
    uint8_t in[1024], reply[INIT_REPLY] = { 0 }, shared[32], seed[2 * NONCE + 16];
    uint8_t skeyseed[HASH], keys[IKE_KEYS], child[CHILD_KEYS], text[1024], tag[TAG];
    uint8_t aad[AAD] = { 0 };
    int len = w->cert ? AUTH_CERT : AUTH_PSK;
    struct sockaddr_in from;

    receive(w, in, INIT_REQUEST, &from);
    memcpy(seed, w->nonces, 2 * NONCE);
    memset(seed + 2 * NONCE, 7, 16);
    x25519(w->peer_pub, reply + 40, shared);
    prf(w->nonces, 2 * NONCE, shared, 32, NULL, 0, skeyseed);
    prf_plus(skeyseed, seed, sizeof seed, keys, IKE_KEYS);
    answer(w, reply, INIT_REPLY, &from);

    receive(w, in, (size_t)len + 60, &from);
    memcpy(text, in, (size_t)len);
    memset(tag, 1, sizeof tag);
    gcm_open(keys + HASH, aad, text, len, tag);
    if (w->cert)
        auth_cert(w, keys, reply);
    else
        auth_psk(w, keys, reply);
    prf_plus(keys, seed, 2 * NONCE, child, CHILD_KEYS);
    gcm_seal(keys + HASH + GCM_KEY, aad, text, len, tag);
    answer(w, text, (size_t)len + 60, &from);
}

/* ---- set up ---- */

static int bound(struct sockaddr_in *ret)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)ret, &n) == 0);
    return fd;
}

static void world_init(struct world *w, const char *name)
{
    struct sockaddr_in server;
    EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    uint8_t hash[HASH];
    size_t n = 32;

    memset(w, 0, sizeof *w);
    w->cached = strcmp(name, "ecdsa-p256-cached") == 0;
    w->cert = w->cached || strcmp(name, "ecdsa-p256") == 0;
    w->client = bound(&w->client_addr);
    w->server = bound(&server);
    CHECK(connect(w->client, (struct sockaddr *)&server, sizeof server) == 0);
    CHECK(EVP_PKEY_get_raw_public_key(peer, w->peer_pub, &n) == 1);
    memset(w->nonces, 0x5a, sizeof w->nonces);
    CHECK((w->our_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")) != NULL);
    CHECK((w->ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")) != NULL);
    CHECK((w->peer_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")) != NULL);
    CHECK(EVP_PKEY_get_octet_string_param(w->peer_key, OSSL_PKEY_PARAM_PUB_KEY, w->peer_point,
                                          sizeof w->peer_point, &w->peer_point_len) == 1);
    sha256(w->tbs, sizeof w->tbs, NULL, 0, hash);
    w->ca_sig_len = ecdsa_sign(w->ca_key, hash, w->ca_sig);
    sha256(w->peer_octets, sizeof w->peer_octets, NULL, 0, hash);
    w->peer_sig_len = ecdsa_sign(w->peer_key, hash, w->peer_sig);
    EVP_PKEY_free(peer);
}

static void world_done(struct world *w)
{
    EVP_PKEY_free(w->our_key);
    EVP_PKEY_free(w->ca_key);
    EVP_PKEY_free(w->peer_key);
    close(w->client);
    close(w->server);
}

static void client_send(const struct world *w)
{
    uint8_t m[1024] = { 0 };

    CHECK(send(w->client, m, INIT_REQUEST, 0) == INIT_REQUEST);
    CHECK(send(w->client, m, (size_t)(w->cert ? AUTH_CERT : AUTH_PSK) + 60, 0) > 0);
}

static void client_drain(const struct world *w)
{
    uint8_t m[1024];

    CHECK(recv(w->client, m, sizeof m, 0) > 0 && recv(w->client, m, sizeof m, 0) > 0);
}

/* The socket calls alone. */
static void io_only(const struct world *w)
{
    uint8_t m[1024] = { 0 };
    size_t len = (size_t)(w->cert ? AUTH_CERT : AUTH_PSK) + 60;
    struct sockaddr_in from;

    receive(w, m, INIT_REQUEST, &from);
    answer(w, m, INIT_REPLY, &from);
    receive(w, m, len, &from);
    answer(w, m, len, &from);
}

/* CPU microseconds of n calls of one, a multiple of ROUND. */
static double measure(const struct world *w, long n, void (*one)(const struct world *))
{
    double sum = 0;

    for (long done = 0; done < n; done += ROUND) {
        double from;

        for (int i = 0; i < ROUND; i++)
            client_send(w);
        from = cpu_us();
        for (int i = 0; i < ROUND; i++)
            one(w);
        sum += cpu_us() - from;
        for (int i = 0; i < ROUND; i++)
            client_drain(w);
    }
    return sum;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    long n = argc > 2 ? atol(argv[2]) : 3200;
    struct world w;
    double all, io;

    if ((strcmp(name, "psk") != 0 && strcmp(name, "ecdsa-p256") != 0 &&
         strcmp(name, "ecdsa-p256-cached") != 0) ||
        argc > 3 || n < 1 || n > 10000000) {
        fprintf(stderr, "usage: floor_hs psk|ecdsa-p256|ecdsa-p256-cached [N]\n");
        return 2;
    }
    n = (n + ROUND - 1) / ROUND * ROUND;
    openssl_init();
    world_init(&w, name);
    measure(&w, WARM_UP, handshake);
    all = measure(&w, n, handshake);
    io = measure(&w, n, io_only);
    printf("{\"case\": \"%s\", \"handshakes\": %ld, \"us_per_handshake\": %.1f, \"us_io\": %.1f}\n",
           name, n, all / (double)n, io / (double)n);
    world_done(&w);
    return 0;
}
