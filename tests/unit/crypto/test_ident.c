#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/crypto/ident.h"
#include "node/crypto/pem_file.h"

static const struct {
    const char *text;
    uint8_t type;
    const char *data; /* NULL: not compared */
    const char *back; /* NULL: text */
} idents[] = {
    { "gw.example.org", IDENT_FQDN, "gw.example.org", NULL },
    { "@gw.example.org", IDENT_FQDN, "gw.example.org", "gw.example.org" },
    { "user@example.org", IDENT_RFC822, "user@example.org", NULL },
    { "192.0.2.1", IDENT_IPV4, "\xc0\x00\x02\x01", NULL },
    { "2001:db8::1", IDENT_IPV6, NULL, NULL },
    { "keyid:some key", IDENT_KEY_ID, "some key", NULL },
    { "C=CH, O=Example, CN=gw", IDENT_DER_DN, NULL, NULL },
    { "O=A\\, B, CN=x", IDENT_DER_DN, NULL, NULL },
};

Test(ident, parse_and_text)
{
    char out[IDENT_TEXT_MAX];
    struct ident i;

    for (size_t n = 0; n < sizeof idents / sizeof idents[0]; n++) {
        cr_assert_eq(ident_parse(idents[n].text, &i), OK, "%s", idents[n].text);
        cr_assert_eq(i.type, idents[n].type);
        if (idents[n].data != NULL && i.type != IDENT_IPV4)
            cr_assert(span_eq(ident_span(&i), span_str(idents[n].data)));
        if (i.type == IDENT_IPV4)
            cr_assert(span_eq(ident_span(&i), span_of(idents[n].data, 4)));
        if (strchr(idents[n].text, '\\') == NULL)
            cr_assert_str_eq(ident_text(i.type, ident_span(&i), out),
                             idents[n].back != NULL ? idents[n].back : idents[n].text);
    }
}

Test(ident, refused)
{
    static const char *const bad[] = {
        "",    "@",        "keyid:",  "a b", "CN", "user@", "=x",
        "CN=", "NOSUCH=x", "CN=x, O", "ü",   "@@", "x\n",   "CN=a,CN"
    };
    struct ident i = { .type = 99 };
    char longer[LIMIT_ID + 2];

    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
        if (strcmp(bad[n], "CN") != 0) /* one word is a host name */
            cr_assert_eq(ident_parse(bad[n], &i), E_BAD_VALUE, "'%s'", bad[n]);
    memset(longer, 'a', sizeof longer);
    longer[LIMIT_ID + 1] = '\0';
    cr_assert_eq(ident_parse(longer, &i), E_BAD_VALUE);
    cr_assert_eq(i.type, 99, "untouched");
    longer[LIMIT_ID] = '\0';
    cr_assert_eq(ident_parse(longer, &i), OK);
}

Test(ident, text_of_hostile_octets)
{
    static const uint8_t evil[] = { 'a', '\n', 0, 0x1b, '"', 0xff, '\\' };
    uint8_t many[LIMIT_ID];
    char out[IDENT_TEXT_MAX];

    cr_assert_str_eq(ident_text(IDENT_FQDN, span_of(evil, sizeof evil), out),
                     "a\\x0a\\x00\\x1b\"\\xff\\x5c");
    cr_assert_str_eq(ident_text(IDENT_DER_DN, span_of(evil, 2), out), "a\\x0a", "no name at all");
    cr_assert_str_eq(ident_text(IDENT_IPV4, span_of(evil, 3), out), "a\\x0a\\x00");
    memset(many, 1, sizeof many);
    cr_assert(strlen(ident_text(IDENT_KEY_ID, span_of(many, sizeof many), out)) < IDENT_TEXT_MAX);
}

static bool fits(const char *pattern, const char *id)
{
    struct ident i;

    cr_assert_eq(ident_parse(id, &i), OK);
    return ident_matches(pattern, i.type, ident_span(&i));
}

Test(ident, patterns)
{
    cr_assert(fits("*", "gw.example.org"));
    cr_assert(fits("%any", "192.0.2.1"));
    cr_assert(fits("gw.example.org", "GW.example.org"));
    cr_assert(!fits("gw.example.org", "gw.example.com"));
    cr_assert(fits("*.example.org", "gw.example.org"));
    cr_assert(fits("*.example.org", "a.b.EXAMPLE.org"));
    cr_assert(!fits("*.example.org", "example.org"));
    cr_assert(!fits("*.example.org", ".example.org"));
    cr_assert(!fits("*.example.org", "evilexample.org"));
    cr_assert(!fits("*.example.org", "a@b.example.org"), "another type");
    cr_assert(fits("*@example.org", "user@example.org"));
    cr_assert(!fits("*@example.org", "user@sub.example.org"));
    cr_assert(!ident_matches("*@example.org", IDENT_RFC822, span_str("a@b@example.org")));
    cr_assert(!ident_matches("*@example.org", IDENT_RFC822, span_str("@example.org")));
    cr_assert(fits("192.0.2.1", "192.0.2.1"));
    cr_assert(!fits("192.0.2.1", "192.0.2.2"));
    cr_assert(!ident_matches("192.0.2.1", IDENT_FQDN, span_str("192.0.2.1")));
    cr_assert(fits("C=CH, O=Example, CN=gw", "C=CH,O=Example,CN=gw"));
    cr_assert(fits("O=example, CN=GW", "O=Example,CN=gw"), "names compare as RFC 5280 7.1");
    cr_assert(!fits("C=CH, CN=gw", "C=CH,O=Example,CN=gw"));
    cr_assert(!fits("CN=gw, C=CH", "C=CH,CN=gw"), "order counts");
    cr_assert(!fits("*.", "gw."));
    cr_assert(!fits("", "gw"));
    cr_assert(!ident_matches("gw", IDENT_FQDN, span_of("gw\0x", 4)));
    cr_assert(!ident_matches("*.example.org", IDENT_FQDN, SPAN_NONE));
}

Test(pem_file, read)
{
    char path[] = "/tmp/ikestra-pem-XXXXXX";
    struct bytes b = { 0 };
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    cr_assert_eq(pem_file_read(path, &b), E_CONFIG, "empty");
    cr_assert_eq(write(fd, "0123456789", 10), 10);
    cr_assert_eq(pem_file_read(path, &b), OK);
    cr_assert(span_eq(span_bytes(b), span_str("0123456789")));
    bytes_wipe_free(&b);
    cr_assert_eq(ftruncate(fd, PEM_FILE_MAX + 1), 0);
    cr_assert_eq(pem_file_read(path, &b), E_LIMIT);
    cr_assert_eq(ftruncate(fd, PEM_FILE_MAX), 0);
    cr_assert_eq(pem_file_read(path, &b), OK);
    cr_assert_eq(b.len, PEM_FILE_MAX);
    bytes_wipe_free(&b);
    close(fd);
    unlink(path);
    cr_assert_eq(pem_file_read(path, &b), E_IO);
    cr_assert_eq(pem_file_read("/tmp", &b), E_IO, "a directory");
}
