/* Every way through the library with exact memory on all sides.
 *
 *     drive after|before|heap WEIGHTS
 *
 * Prints `MACHINE FORMAT HASH WAY` for every instruction set, format of pixels and way (whole,
 * strided, rows, bands 1 to 8): the hash of logits and mask, which has to be the same for all
 * ways. Image, mask, scores, weights and arena end at a page that faults, or begin behind one. */
#include "ccnet.h"
#include "memory.h"

static beside where;
static ccnet *net;
static const char *machine;
static const size_t PIXELS = (size_t)CCNET_HEIGHT * CCNET_WIDTH;
static const size_t SAMPLE[] = {1, 2, 4};
static const char *const NAMES[] = {"u8", "u16", "f32"};

static void must(ccnet_status status)
{
    if (!status) return;
    printf("%s\n", ccnet_text(status));
    exit(3);
}

/* The sample at a place, the same in every layout. */
static void put(void *to, ccnet_format format, size_t pixel, size_t channel)
{
    const uint32_t noise = (uint32_t)(pixel * CCNET_CHANNELS + channel + 1) * 2654435761u;
    const uint16_t wide = (uint16_t)(noise >> 16);
    const float real = (float)(noise >> 8) / 8388608.0f - 1.0f;
    if (format == CCNET_U8) *(uint8_t *)to = (uint8_t)(noise >> 24);
    else memcpy(to, format == CCNET_U16 ? (const void *)&wide : &real, SAMPLE[format]);
}

/* An image with `gap` bytes between its rows, and between its planes. */
static ccnet_image image_of(ccnet_format format, size_t gap)
{
    const int planar = format == CCNET_F32;
    const size_t channels = planar ? 1 : CCNET_CHANNELS, sample = SAMPLE[format];
    const size_t dense = sample * CCNET_WIDTH * channels, row = dense + gap;
    const size_t plane = row * CCNET_HEIGHT + gap;
    const size_t last = planar ? plane * (CCNET_CHANNELS - 1) : 0;
    uint8_t *pixels = guarded(last + row * (CCNET_HEIGHT - 1) + dense, where);
    ccnet_image image = {pixels, gap ? row : 0, gap && planar ? plane : 0, CCNET_HEIGHT, CCNET_WIDTH,
                         CCNET_CHANNELS, format};
    for (size_t i = 0; i < PIXELS; i++)
        for (size_t c = 0; c < CCNET_CHANNELS; c++) {
            const size_t at = i / CCNET_WIDTH * row;
            const size_t x = i % CCNET_WIDTH * channels;
            put(pixels + (planar ? c * (gap ? plane : row * CCNET_HEIGHT) : 0) + at +
                    (planar ? x : x + c) * sample, format, i, c);
        }
    return image;
}

static ccnet_output output_of(size_t gap, ccnet_scores kind)
{
    const size_t row = CCNET_WIDTH + gap;
    const size_t planes = kind == CCNET_LOGITS ? CCNET_OUTPUTS : CCNET_CLASSES;
    ccnet_output output = {guarded(row * (CCNET_HEIGHT - 1) + CCNET_WIDTH, where), gap ? row : 0,
                           guarded(planes * PIXELS * sizeof(float), where), kind, 0, 0};
    return output;
}

/* Also: the bytes between the mask's rows are as they were. */
static void say(ccnet_format format, const ccnet_output *output, const char *way)
{
    const size_t row = output->mask_row_bytes ? output->mask_row_bytes : CCNET_WIDTH;
    uint64_t sum = hash(output->scores, CCNET_OUTPUTS * PIXELS * sizeof(float));
    for (size_t y = 0; y < CCNET_HEIGHT; y++) {
        sum = sum * 31 + hash(output->mask + y * row, CCNET_WIDTH);
        for (size_t x = CCNET_WIDTH; y + 1 < CCNET_HEIGHT && x < row; x++)
            if (output->mask[y * row + x] != 0x5a) exit(5);
    }
    printf("%s %s %016llx %s\n", machine, NAMES[format], (unsigned long long)sum, way);
}

static void whole(ccnet_format format, size_t gap, const char *way)
{
    const ccnet_image image = image_of(format, gap * SAMPLE[format]);
    const ccnet_output output = output_of(gap, CCNET_LOGITS);
    must(ccnet_segment(net, &image, &output));
    say(format, &output, way);
}

/* Nothing but the mask is asked for, or nothing at all, or probabilities. */
static void other_outputs(void)
{
    const ccnet_image image = image_of(CCNET_U8, 0);
    ccnet_output output = output_of(0, CCNET_PROBABILITIES);
    must(ccnet_segment(net, &image, &output));
    output.scores = 0;
    must(ccnet_segment(net, &image, &output));
    output.mask = 0;
    must(ccnet_segment(net, &image, &output));
}

/* The next row always comes at another place, where it alone can be read. */
static void rows(ccnet_format format)
{
    const ccnet_image image = image_of(format, 0);
    const ccnet_output output = output_of(0, CCNET_LOGITS);
    const size_t size = SAMPLE[format] * CCNET_WIDTH * CCNET_CHANNELS;
    uint8_t *places[2];
    int32_t ready = 0;
    places[0] = guarded(size, where);
    places[1] = guarded(size, where);
    must(ccnet_begin(net, format, &output));
    for (size_t y = 0; y < CCNET_HEIGHT; y++) {
        memset(places[(y + 1) % 2], 0xa5, size);
        memcpy(places[y % 2], (const uint8_t *)image.pixels + y * size, size);
        must(ccnet_feed(net, places[y % 2], &ready));
    }
    if (ready != CCNET_HEIGHT || ccnet_feed(net, places[0], 0) != CCNET_ORDER) exit(5);
    say(format, &output, "rows");
}

static void bands(ccnet_format format, const void *weights, size_t weights_bytes)
{
    const ccnet_image image = image_of(format, 0);
    char way[24];
    for (int32_t count = 1; count <= CCNET_MOST_BANDS; count++) {
        const size_t size = CCNET_ARENA_BYTES_FOR(count);
        const ccnet_output output = output_of(0, CCNET_LOGITS);
        must(ccnet_open(&net, guarded(size, where), size, weights, weights_bytes));
        must(ccnet_use(net, machine));
        must(ccnet_segment_bands(net, &image, &output, count, 0, 0));
        if (ccnet_segment_bands(net, &image, &output, count + 1, 0, 0) != CCNET_BANDS) exit(5);
        snprintf(way, sizeof way, "bands%d", (int)count);
        say(format, &output, way);
    }
}

int main(int count, char **words)
{
    static const char *const MACHINES[] = {"vnni", "avx512", "avx2", "ssse3", "sse2", "dotprod", "neon", "c"};
    size_t weights_bytes;
    void *weights, *arena;
    if (count != 3) return 2;
    where = words[1][0] == 'a' ? AFTER : words[1][0] == 'b' ? BEFORE : HEAP;
    weights = read_all(words[2], &weights_bytes, where);
    for (size_t i = 0; i < sizeof MACHINES / sizeof *MACHINES; i++) {
        machine = MACHINES[i];
        arena = guarded(CCNET_ARENA_BYTES, where);
        must(ccnet_open(&net, arena, CCNET_ARENA_BYTES, weights, weights_bytes));
        if (ccnet_use(net, machine)) continue;
        for (ccnet_format format = CCNET_U8; format <= CCNET_F32; format++) {
            whole(format, 0, "whole");
            whole(format, 3, "strided");
        }
        other_outputs();
        bands(CCNET_U8, weights, weights_bytes);
        arena = guarded(CCNET_STREAM_ARENA_BYTES, where);
        must(ccnet_open(&net, arena, CCNET_STREAM_ARENA_BYTES, weights, weights_bytes));
        must(ccnet_use(net, machine));
        rows(CCNET_U8);
        rows(CCNET_U16);
    }
    return 0;
}
