/* What every runner shares: arguments, ends, clock and peak memory; see ../__init__.py.
 *
 * Include it once, define the two functions, and main is here.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Make `model` ready to infer; x [1, 3, size, size] and y [1, 1, size, size] stay where they are. */
static void engine_load(const char *model, int size, int threads, float *x, float *y);
/* One inference of what x holds now, into y. */
static void engine_infer(float *x, float *y);

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* VmHWM of this process. */
static long peak_bytes(void) {
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
    if (status) fclose(status);
    return kib * 1024;
}

static const char *flag(int argc, char **argv, const char *name) {
    for (int i = 2; i + 1 < argc; i += 2)
        if (!strcmp(argv[i], name)) return argv[i + 1];
    fprintf(stderr, "%s is missing\n", name);
    exit(2);
}

/* 64-byte aligned: some engines use the caller's memory only where it is. */
static float *floats(size_t count) {
    void *memory = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (!memory) fail("out of memory");
    return (float *)memory;
}

int main(int argc, char **argv) {
    if (argc < 2) fail("RUNNER MODEL --size N --threads T --bench B --input IN --output OUT");
    int size = atoi(flag(argc, argv, "--size"));
    size_t pixels = (size_t)size * (size_t)size;
    float *x = floats(3 * pixels), *y = floats(pixels);
    FILE *in = fopen(flag(argc, argv, "--input"), "rb");
    if (!in || fread(x, sizeof *x, 3 * pixels, in) != 3 * pixels) fail("the input is too short");
    fclose(in);
    engine_load(argv[1], size, atoi(flag(argc, argv, "--threads")), x, y);
    for (int i = atoi(flag(argc, argv, "--bench")); i > 0; i--) {
        double started = now_ms();
        engine_infer(x, y);
        printf("%.4f\n", now_ms() - started);
    }
    printf("peak_bytes %ld\n", peak_bytes());
    FILE *out = fopen(flag(argc, argv, "--output"), "wb");
    if (!out || fwrite(y, sizeof *y, pixels, out) != pixels) fail("the output was not written");
    fclose(out);
    fflush(stdout);
    /* NOTE: without the engines' own endings, which have nothing to do with what is measured. */
    _Exit(0);
}

#endif
