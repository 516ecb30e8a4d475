/* ESP framing and ciphers: published packets, all suites against each other, and what must fail. */
#include <string.h>

#include <criterion/criterion.h>

#include "node/dataplane/esp.h"
#include "node/dataplane/ip_packet.h"

static const struct env env = { .random = env_os_random };

static size_t unhex(const char *s, uint8_t *out)
{
    size_t n = 0;

    while (*s != '\0') {
        char c[3] = { 0 };

        if (*s == ' ') {
            s++;
            continue;
        }
        c[0] = s[0];
        c[1] = s[1];
        out[n++] = (uint8_t)strtoul(c, NULL, 16);
        s += 2;
    }
    return n;
}

static void set_hex(struct secret *s, const char *hex)
{
    s->len = (uint8_t)unhex(hex, s->data);
}

struct suite_id {
    uint16_t encr, bits, integ;
};
static const struct suite_id all[] = {
    { 20, 128, 0 },  { 20, 256, 0 },  { 28, 256, 0 },  { 12, 128, 12 }, { 12, 128, 13 },
    { 12, 128, 14 }, { 12, 256, 12 }, { 12, 256, 13 }, { 12, 256, 14 },
};
enum { SUITES = sizeof(all) / sizeof(all[0]) };

static void make_keys(const struct esp_suite *s, uint8_t seed, struct secret *encr,
                      struct secret *integ)
{
    encr->len = s->key_len;
    integ->len = s->integ_len;
    for (unsigned i = 0; i < SECRET_MAX; i++) {
        encr->data[i] = (uint8_t)(seed + i * 3);
        integ->data[i] = (uint8_t)(seed * 5 + i);
    }
}

static void make_pair(const struct suite_id *id, bool esn, struct esp_cipher **seal,
                      struct esp_cipher **open)
{
    const struct esp_suite *s = esp_suite_find(id->encr, id->bits, id->integ);
    struct secret encr, integ;

    cr_assert_not_null(s);
    make_keys(s, 9, &encr, &integ);
    cr_assert_eq(esp_cipher_new(s, esn, true, &encr, &integ, &env, seal), OK);
    cr_assert_eq(esp_cipher_new(s, esn, false, &encr, &integ, &env, open), OK);
}

static void open_published(uint16_t encr, uint16_t bits, const char *key, uint64_t seq,
                           const char *packet_hex, const char *inner_hex, uint8_t next)
{
    uint8_t packet[256], want[256], next_header;
    size_t len = unhex(packet_hex, packet), want_len = unhex(inner_hex, want);
    const struct esp_suite *s = esp_suite_find(encr, bits, 0);
    struct secret k = { 0 }, none = { 0 };
    struct esp_cipher *c = NULL;
    struct span inner;

    set_hex(&k, key);
    cr_assert_eq(esp_cipher_new(s, false, false, &k, &none, NULL, &c), OK);
    cr_assert_eq(esp_open(c, seq, packet, len, &inner, &next_header), OK);
    cr_assert_eq(next_header, next);
    cr_assert(span_eq(inner, span_of(want, want_len)));
    esp_cipher_free(c);
}

Test(esp, chacha_packet_of_rfc7634_appendix_a)
{
    open_published(28, 256,
                   "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f a0a1a2a3", 5,
                   "01020304 00000005 1011121314151617"
                   "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
                   "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
                   "cbec163fac469b502773f6fb94e664da9165b82829f641e0"
                   "76aaa8266b7fb0f7b11b369907e1ad43",
                   "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
                   "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
                   "2425262728292a2b2c2d2e2f3031323334353637",
                   4);
}

Test(esp, gcm_packet_of_mcgrew_gcm_test)
{
    open_published(20, 128, "feffe9928665731c6d6a8f9467308308 cafebabe", 10,
                   "0000a5f8 0000000a facedbaddecaf888"
                   "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
                   "3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1"
                   "83b70d3aa8bc6ee4c309e9d85a41ad4a",
                   "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d00100"
                   "0001000000000000037369700963796265726369747902646b0000010001",
                   1);
}

Test(esp, every_suite_and_length_comes_back)
{
    uint8_t buf[ESP_HEADROOM_MAX + 300 + ESP_TAILROOM_MAX], plain[300];

    for (unsigned i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 7 + 1);
    for (unsigned k = 0; k < SUITES * 2; k++) {
        const struct esp_suite *s =
            esp_suite_find(all[k / 2].encr, all[k / 2].bits, all[k / 2].integ);
        struct esp_cipher *seal = NULL, *open = NULL;
        struct esp_block b = { 1, 1000 };

        make_pair(&all[k / 2], k % 2 == 1, &seal, &open);
        for (size_t n = 0; n < sizeof(plain); n += 13) {
            uint64_t seq = b.next;
            size_t len, tfc = n % 3 == 0 ? 40 : 0;
            struct span inner;
            uint8_t next;

            memcpy(buf + esp_headroom(s), plain, n);
            cr_assert_eq(esp_seal(seal, 0xabcdef01, &b, buf, sizeof(buf), n, 4, tfc, &len), OK);
            cr_assert_eq(len, esp_sealed_len(s, n, tfc));
            cr_assert_leq(esp_inner_max(s, len), len);
            cr_assert_geq(esp_inner_max(s, len), n + tfc);
            cr_assert_eq(be32_at(buf), 0xabcdef01);
            cr_assert_eq(be32_at(buf + 4), (uint32_t)seq);
            cr_assert(n < 16 || memcmp(buf + esp_headroom(s), plain, n) != 0);
            cr_assert_eq(esp_open(open, seq, buf, len, &inner, &next), OK);
            cr_assert_eq(next, 4);
            cr_assert_eq(inner.len, n + tfc);
            cr_assert_eq(memcmp(inner.p, plain, n), 0);
            cr_assert_eq(b.next, seq + 1);
        }
        esp_cipher_free(seal);
        esp_cipher_free(open);
    }
}

Test(esp, any_flipped_bit_is_refused)
{
    uint8_t buf[256], copy[256];

    for (unsigned k = 0; k < SUITES; k++) {
        const struct esp_suite *s = esp_suite_find(all[k].encr, all[k].bits, all[k].integ);
        struct esp_cipher *seal = NULL, *open = NULL;
        struct esp_block b = { 77, 78 };
        struct span inner;
        uint8_t next;
        size_t len;

        make_pair(&all[k], true, &seal, &open);
        memset(buf, 0x45, sizeof(buf));
        cr_assert_eq(esp_seal(seal, 1, &b, buf, sizeof(buf), 64, 4, 0, &len), OK);
        for (size_t bit = 0; bit < len * 8; bit++) {
            /* The sequence number on the wire is only authenticated with CBC; AEADs use the
             * inferred. */
            if (s->salt_len != 0 && bit >= 32 && bit < 64)
                continue;
            memcpy(copy, buf, len);
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_assert_eq(esp_open(open, 77, copy, len, &inner, &next), E_INTEGRITY, "bit %zu", bit);
        }
        memcpy(copy, buf, len);
        cr_assert_eq(esp_open(open, 78, copy, len, &inner, &next), s->salt_len ? E_INTEGRITY : OK);
        memcpy(copy, buf, len);
        cr_assert_eq(esp_open(open, 77 + (1ULL << 32), copy, len, &inner, &next), E_INTEGRITY);
        for (size_t n = 0; n < len; n++) {
            memcpy(copy, buf, len);
            cr_assert_neq(esp_open(open, 77, copy, n, &inner, &next), OK);
        }
        esp_cipher_free(seal);
        esp_cipher_free(open);
    }
}

Test(esp, aead_iv_is_the_sequence_number)
{
    struct esp_cipher *seal = NULL, *open = NULL;
    struct esp_block b = { 0x123456789abcULL, 0x123456789abeULL };
    uint8_t buf[128];
    size_t len;

    make_pair(&all[0], true, &seal, &open);
    cr_assert_eq(esp_seal(seal, 5, &b, buf, sizeof(buf), 20, 4, 0, &len), OK);
    cr_assert_eq(be32_at(buf + 8), 0x1234);
    cr_assert_eq(be32_at(buf + 12), 0x56789abc);
    cr_assert_eq(be32_at(buf + 4), 0x56789abc);
    esp_cipher_free(seal);
    esp_cipher_free(open);
}

Test(esp, cbc_ivs_differ_and_depend_on_the_install)
{
    struct esp_cipher *seal[2] = { NULL }, *open[2] = { NULL };
    uint8_t iv[3][16], buf[128];
    size_t len;

    for (unsigned i = 0; i < 2; i++) {
        struct esp_block b = { 1, 3 };

        make_pair(&all[3], false, &seal[i], &open[i]);
        cr_assert_eq(esp_seal(seal[i], 5, &b, buf, sizeof(buf), 20, 4, 0, &len), OK);
        memcpy(iv[i], buf + 8, 16);
        cr_assert_eq(esp_seal(seal[i], 5, &b, buf, sizeof(buf), 20, 4, 0, &len), OK);
        memcpy(iv[2], buf + 8, 16);
        cr_assert_neq(memcmp(iv[i], iv[2], 16), 0);
    }
    cr_assert_neq(memcmp(iv[0], iv[1], 16), 0);
    for (unsigned i = 0; i < 2; i++) {
        esp_cipher_free(seal[i]);
        esp_cipher_free(open[i]);
    }
}

Test(esp, a_used_up_block_seals_nothing)
{
    struct esp_cipher *seal = NULL, *open = NULL;
    struct esp_block b = { 10, 12 };
    uint8_t buf[128], before[128];
    size_t len = 999;

    make_pair(&all[0], false, &seal, &open);
    cr_assert_eq(esp_seal(seal, 5, &b, buf, sizeof(buf), 20, 4, 0, &len), OK);
    cr_assert_eq(esp_seal(seal, 5, &b, buf, sizeof(buf), 20, 4, 0, &len), OK);
    memset(buf, 0xee, sizeof(buf));
    memcpy(before, buf, sizeof(buf));
    len = 999;
    cr_assert_eq(esp_seal(seal, 5, &b, buf, sizeof(buf), 20, 4, 0, &len), E_LIMIT);
    cr_assert_eq(len, 999);
    cr_assert_eq(memcmp(buf, before, sizeof(buf)), 0);
    cr_assert_eq(b.next, 12);
    esp_cipher_free(seal);
    esp_cipher_free(open);
}

Test(esp, without_esn_numbers_end_at_2_32)
{
    struct esp_cipher *seal = NULL, *open = NULL;
    struct esp_block b = { UINT32_MAX, 1ULL << 40 };
    uint8_t buf[128];
    size_t len;

    make_pair(&all[0], false, &seal, &open);
    cr_assert_eq(esp_seal(seal, 5, &b, buf, sizeof(buf), 20, 4, 0, &len), OK);
    cr_assert_eq(esp_seal(seal, 5, &b, buf, sizeof(buf), 20, 4, 0, &len), E_LIMIT);
    esp_cipher_free(seal);
    esp_cipher_free(open);
}

Test(esp, too_small_a_buffer_spends_no_number)
{
    struct esp_cipher *seal = NULL, *open = NULL;
    struct esp_block b = { 1, 9 };
    uint8_t buf[128];
    size_t len;

    make_pair(&all[0], false, &seal, &open);
    cr_assert_eq(esp_seal(seal, 5, &b, buf, 40, 20, 4, 0, &len), E_LIMIT);
    cr_assert_eq(b.next, 1);
    esp_cipher_free(seal);
    esp_cipher_free(open);
}

Test(esp, dummy_packets_open_as_next_header_59)
{
    struct esp_cipher *seal = NULL, *open = NULL;
    struct esp_block b = { 1, 9 };
    uint8_t buf[128], next;
    struct span inner;
    size_t len;

    make_pair(&all[2], false, &seal, &open);
    cr_assert_eq(esp_seal(seal, 5, &b, buf, sizeof(buf), 0, ESP_NEXT_DUMMY, 0, &len), OK);
    cr_assert_eq(esp_open(open, 1, buf, len, &inner, &next), OK);
    cr_assert_eq(next, ESP_NEXT_DUMMY);
    cr_assert_eq(inner.len, 0);
    esp_cipher_free(seal);
    esp_cipher_free(open);
}

Test(esp, keys_of_a_wrong_length_and_unknown_suites_are_refused)
{
    const struct esp_suite *s = esp_suite_find(20, 128, 0);
    struct esp_cipher *c = NULL;
    struct secret key = { .len = 16 }, none = { 0 };

    cr_assert_eq(esp_cipher_new(s, false, true, &key, &none, &env, &c), E_BAD_LENGTH);
    cr_assert_null(c);
    cr_assert_null(esp_suite_find(20, 128, 12));
    cr_assert_null(esp_suite_find(12, 128, 0));
    cr_assert_null(esp_suite_find(20, 192, 0));
    cr_assert_not_null(esp_suite_find(28, 0, 0));
}

Test(esp, peek_needs_eight_octets)
{
    static const uint8_t p[8] = { 1, 2, 3, 4, 0, 0, 0, 9 };
    uint32_t spi = 0, low = 0;

    for (size_t n = 0; n < 8; n++)
        cr_assert_eq(esp_peek(span_of(p, n), &spi, &low), E_TRUNCATED);
    cr_assert_eq(esp_peek(span_of(p, 8), &spi, &low), OK);
    cr_assert_eq(spi, 0x01020304);
    cr_assert_eq(low, 9);
}
