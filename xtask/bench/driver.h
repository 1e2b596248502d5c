/* What the peers' C drivers share: rows, a clock, and requests as lines on standard input.
 *
 *   time MODE MILLISECONDS   passes until the time is over; answers {"ns": ...} per item
 *   check MODE PATH          one pass; writes its output as f64 and answers {"n": ...}
 *
 * A driver is called with the model, the rows (raw little-endian f32) and the number of features. */
#ifndef PICKET_BENCH_DRIVER_H
#define PICKET_BENCH_DRIVER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_EXPLAINED 50

static float *rows;
static size_t n_rows, n_features;
/* One number a row, or n_features + 1 a row that is explained. */
static double *output;

/* A mode's name, its pass, and how many items and numbers a pass gives. */
struct mode {
    const char *name;
    void (*pass)(void);
    size_t n_items, n_numbers;
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void read_rows(const char *path, const char *features) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path, "cannot be read");
    fseek(file, 0, SEEK_END);
    size_t n_bytes = (size_t)ftell(file);
    rewind(file);
    rows = malloc(n_bytes);
    if (fread(rows, 1, n_bytes, file) != n_bytes) fail(path, "is shorter than it says");
    fclose(file);
    n_features = strtoul(features, NULL, 10);
    n_rows = n_bytes / sizeof(float) / n_features;
    size_t n_explained = n_rows < N_EXPLAINED ? n_rows : N_EXPLAINED;
    size_t n_numbers = n_explained * (n_features + 1);
    output = calloc(n_rows > n_numbers ? n_rows : n_numbers, sizeof *output);
}

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static void serve(const char *version, const char *gives, const struct mode *modes, size_t n_modes) {
    printf("{\"version\":\"%s\",\"gives\":\"%s\",\"modes\":[", version, gives);
    for (size_t i = 0; i < n_modes; i++) printf("%s\"%s\"", i ? "," : "", modes[i].name);
    printf("]}\n");
    fflush(stdout);
    char line[4096], verb[8], name[32], rest[4000];
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%7s %31s %3999[^\n]", verb, name, rest) != 3) fail(line, "no such request");
        const struct mode *mode = NULL;
        for (size_t i = 0; i < n_modes; i++)
            if (!strcmp(modes[i].name, name)) mode = &modes[i];
        if (!mode) fail(name, "there is no such mode");
        if (!strcmp(verb, "time")) {
            double limit = 1e6 * strtod(rest, NULL), start = now_ns(), elapsed;
            size_t n_items = 0;
            do {
                mode->pass();
                n_items += mode->n_items;
                elapsed = now_ns() - start;
            } while (elapsed < limit);
            printf("{\"ns\":%.3f}\n", elapsed / n_items);
        } else {
            mode->pass();
            FILE *file = fopen(rest, "wb");
            if (!file || fwrite(output, sizeof *output, mode->n_numbers, file) != mode->n_numbers)
                fail(rest, "cannot be written");
            fclose(file);
            printf("{\"n\":%zu}\n", mode->n_numbers);
        }
        fflush(stdout);
    }
}

#endif
