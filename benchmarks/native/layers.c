/* Time in each operator of a network, best of several images, and the machine's peak of
 * multiply-adds in float32: `layers WEIGHTS MACHINE IMAGES` prints one figure a line, milliseconds
 * of every operator, then the peak in 10^9 multiply-adds a second. */
#include "ccnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern uint64_t ccnet_spent[];
extern const int32_t ccnet_ops;

uint64_t ccnet_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Independent chains of multiply-adds that live in registers: what no kernel can be faster than. */
#define PEAK(name, lanes, chains, attribute) \
    attribute static double name(void) \
    { \
        typedef float vector __attribute__((vector_size(4 * lanes))); \
        vector a[chains], x = (vector){0} + 1.0001f, y = (vector){0} + 0.999f; \
        const long turns = 4000000; \
        uint64_t best = UINT64_MAX; \
        volatile float kept = 0; \
        for (int i = 0; i < 5; i++) { \
            const uint64_t start = ccnet_clock(); \
            for (int j = 0; j < chains; j++) a[j] = (vector){0} + (float)j; \
            for (long t = 0; t < turns; t++) { \
                _Pragma("GCC unroll 24") for (int j = 0; j < chains; j++) a[j] = a[j] * x + y; \
            } \
            const uint64_t spent = ccnet_clock() - start; \
            if (spent < best) best = spent; \
            for (int j = 0; j < chains; j++) kept = kept + a[j][0]; \
        } \
        return (double)turns * chains * lanes / (double)best; \
    }

#if defined(__x86_64__)
PEAK(peak_avx512, 16, 24, __attribute__((target("avx512f,prefer-vector-width=512"))))
PEAK(peak_avx2, 8, 12, __attribute__((target("avx2,fma"))))
PEAK(peak_sse2, 4, 12, )
#else
PEAK(peak_plain, 4, 24, )
#endif

static double peak(const char *machine)
{
#if defined(__x86_64__)
    if (!strcmp(machine, "avx512")) return peak_avx512();
    return strcmp(machine, "avx2") ? peak_sse2() : peak_avx2();
#else
    (void)machine;
    return peak_plain();
#endif
}

int main(int count, char **words)
{
    static _Alignas(64) uint8_t weights[CCNET_WEIGHTS_BYTES], arena[CCNET_ARENA_BYTES];
    static uint8_t pixels[CCNET_HEIGHT * CCNET_WIDTH * CCNET_CHANNELS];
    static uint8_t mask[CCNET_HEIGHT * CCNET_WIDTH];
    uint64_t best[256];
    const ccnet_image image = {.pixels = pixels, .height = CCNET_HEIGHT, .width = CCNET_WIDTH,
                               .channels = CCNET_CHANNELS};
    const ccnet_output output = {.mask = mask};
    ccnet *net;
    FILE *file = count == 4 ? fopen(words[1], "rb") : 0;
    if (!file || fread(weights, 1, sizeof weights, file) != sizeof weights) return 2;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)rand();
    if (ccnet_open(&net, arena, sizeof arena, weights, sizeof weights)) return 3;
    if (ccnet_use(net, words[2])) return 4;
    memset(best, 255, sizeof best);
    for (int turn = 0; turn < atoi(words[3]); turn++) {
        memset(ccnet_spent, 0, (size_t)ccnet_ops * sizeof *ccnet_spent);
        if (ccnet_segment(net, &image, &output)) return 5;
        for (int32_t i = 0; i < ccnet_ops; i++)
            if (ccnet_spent[i] < best[i]) best[i] = ccnet_spent[i];
    }
    for (int32_t i = 0; i < ccnet_ops; i++) printf("%.5f\n", (double)best[i] / 1e6);
    printf("%.3f\n", peak(words[2]));
    return 0;
}
