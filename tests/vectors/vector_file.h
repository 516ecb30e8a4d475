/* vector_file: golden bytes from tests/vectors. A line is "name: hex"; blank lines and lines that
 * begin with # say nothing. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/span.h"

static inline int vector_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of name in TEST_SOURCE_DIR/tests/vectors/file, malloc-ed; p NULL: not there. */
static inline struct bytes vector_read(const char *file, const char *name)
{
    static char line[256 * 1024];
    struct bytes b = { NULL, 0 };
    size_t name_len = strlen(name);
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/vectors/%s", TEST_SOURCE_DIR, file);
    f = fopen(path, "r");
    while (f != NULL && b.p == NULL && fgets(line, sizeof line, f) != NULL) {
        const char *hex = line + name_len + 1;

        if (strncmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        while (*hex == ' ')
            hex++;
        b.p = malloc(strlen(hex) / 2 + 1);
        for (; b.p != NULL && vector_digit(hex[0]) >= 0 && vector_digit(hex[1]) >= 0; hex += 2)
            b.p[b.len++] = (uint8_t)(vector_digit(hex[0]) * 16 + vector_digit(hex[1]));
    }
    if (f != NULL)
        fclose(f);
    return b;
}

/* Compares, and prints what would be right as a vector line when it differs. */
static inline int vector_matches(const char *file, const char *name, struct span got)
{
    struct bytes want = vector_read(file, name);
    int same = want.p != NULL && span_eq(span_bytes(want), got);

    if (!same) {
        fprintf(stderr, "%s differs; got\n%s: ", file, name);
        for (size_t i = 0; i < got.len; i++)
            fprintf(stderr, "%02x", got.p[i]);
        fprintf(stderr, "\n");
    }
    bytes_free(&want);
    return same;
}
