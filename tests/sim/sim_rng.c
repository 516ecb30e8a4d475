#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/rand.h>

#include "tests/sim/sim.h"

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* splitmix64 spreads the seed; xoshiro256** runs. */
void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    return rng_next(r) % bound;
}

bool rng_permille(struct rng *r, unsigned permille)
{
    return rng_below(r, 1000) < permille;
}

static struct rng *openssl_rng;

static int fill(unsigned char *buf, int n)
{
    for (int i = 0; i < n; i++)
        buf[i] = (unsigned char)(rng_next(openssl_rng) >> 24);
    return 1;
}

static int status(void)
{
    return 1;
}

void rng_take_openssl(struct rng *r)
{
    static const RAND_METHOD method = { NULL, fill, NULL, NULL, fill, status };

    openssl_rng = r;
    RAND_set_rand_method(&method);
}
