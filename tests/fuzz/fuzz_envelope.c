#include "tests/fuzz/fuzz.h"

#include "statesync/seal/seal.h"

static void counting(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0x5c, len);
}

static const struct token TOK = { 1, 2, 3 };
static const struct env ENV = { .random = counting };

static struct keyring *ring(void)
{
    static struct keyring *k;
    uint8_t key[KEYRING_KEY];

    if (k != NULL)
        return k;
    memset(key, 0x22, sizeof key);
    MUST(keyring_new(&k) == OK);
    MUST(keyring_add(k, 2, KEY_ACTIVE, span_of(key, sizeof key)) == OK);
    return k;
}

/* The input as it came: only a golden one opens. */
static void as_envelope(const uint8_t *data, size_t size)
{
    struct seal_info info;
    struct bytes plain;

    (void)seal_peek(span_of(data, size), &info);
    if (seal_open(ring(), SEAL_SESSION, span_str("name"), 0, span_of(data, size), &plain, &info) ==
        OK) {
        MUST(plain.len + SEAL_OVERHEAD == size);
        bytes_wipe_free(&plain);
    }
}

/* The input sealed, then one bit of the envelope flipped. */
static void as_content(uint8_t at, const uint8_t *data, size_t size)
{
    struct span name = span_str("name"), content = span_of(data, size);
    struct bytes sealed, plain;
    struct seal_info info;

    if (seal_record(ring(), &ENV, SEAL_SESSION, name, &TOK, 9, content, &sealed) != OK) {
        MUST(size > LIMIT_RECORD - SEAL_OVERHEAD);
        return;
    }
    MUST(seal_open(ring(), SEAL_SESSION, name, 9, span_bytes(sealed), &plain, &info) == OK);
    MUST(span_eq(span_bytes(plain), content) && token_eq(&info.token, &TOK));
    bytes_wipe_free(&plain);
    sealed.p[at % sealed.len] ^= (uint8_t)(1u << (at & 7));
    MUST(seal_open(ring(), SEAL_SESSION, name, 0, span_bytes(sealed), &plain, NULL) != OK);
    bytes_free(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice = fuzz_choice(&data, &size);

    if (choice & 1)
        as_content(choice, data, size);
    else
        as_envelope(data, size);
    return 0;
}
