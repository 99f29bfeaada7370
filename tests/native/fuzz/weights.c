/* Fuzzing of ccnet_open and one image: the bytes as weights, which are refused or are the very
 * ones; and the bytes as floats in a blob whose kind and checksum are right, with which any way
 * through the network touches its own memory alone, whatever the floats are. */
#include "ccnet.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Exactly so many bytes, so that the sanitizer watches the one behind. */
static void *memory(size_t size, size_t align)
{
    void *found = size % align ? malloc(size) : aligned_alloc(align, size);
    if (!found) abort();
    return found;
}

static void repair(uint8_t *weights)
{
    uint64_t sum = cc_checksum(weights + CC_HEADER_BYTES, CCNET_WEIGHTS_BYTES - CC_HEADER_BYTES);
    memcpy(weights, CC_KIND, CC_KIND_BYTES);
    for (int i = 0; i < 8; i++) weights[CC_KIND_BYTES + i] = (uint8_t)(sum >> 8 * i);
}

static void run(ccnet *net, const uint8_t *bytes, size_t size)
{
    const size_t pixels = (size_t)CCNET_HEIGHT * CCNET_WIDTH, samples = pixels * CCNET_CHANNELS;
    const int way = size ? bytes[0] : 0;
    const ccnet_format format = (ccnet_format)(way % 3);
    const size_t image_bytes = samples * (format == CCNET_U8 ? 1 : format == CCNET_U16 ? 2 : 4);
    uint8_t *image = memory(image_bytes, 4), *mask = memory(pixels, 1);
    ccnet_output output = {.mask = mask, .scores = memory(pixels * CCNET_CLASSES * 4, 4),
                           .kind = (ccnet_scores)(way / 3 % 2)};
    const ccnet_image given = {.pixels = image, .height = CCNET_HEIGHT, .width = CCNET_WIDTH,
                               .channels = CCNET_CHANNELS, .format = format};
    for (size_t i = 0; i < image_bytes; i++) image[i] = size ? bytes[i % size] : 0;
    if (way & 64) {
        const size_t row = image_bytes / CCNET_HEIGHT;
        const ccnet_status status = ccnet_begin(net, format, &output);
        if (!status != (format != CCNET_F32)) abort();
        for (size_t y = 0; !status && y < CCNET_HEIGHT; y++)
            if (ccnet_feed(net, image + y * row, 0)) abort();
    } else if (ccnet_segment_bands(net, &given, &output, way & 128 ? 2 : 1, 0, 0)) {
        abort();
    }
    free(image);
    free(mask);
    free(output.scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const size_t arena_bytes = CCNET_ARENA_BYTES_FOR(2);
    uint8_t *given = memory(size, 16), *weights = memory(CCNET_WEIGHTS_BYTES, 16);
    void *arena = memory(arena_bytes, CCNET_ALIGN);
    ccnet *net;
    memcpy(given, bytes, size);
    if (!ccnet_open(&net, arena, arena_bytes, given, size)) {
        memcpy(weights, bytes, CCNET_WEIGHTS_BYTES);
        repair(weights); /* what was taken needs no repair */
        if (memcmp(weights, bytes, CC_KIND_BYTES + 8)) abort();
    }
    memset(weights, 0, CCNET_WEIGHTS_BYTES);
    memcpy(weights, bytes, size < CCNET_WEIGHTS_BYTES ? size : CCNET_WEIGHTS_BYTES);
    repair(weights);
    if (ccnet_open(&net, arena, arena_bytes, weights, CCNET_WEIGHTS_BYTES)) abort();
    run(net, bytes, size);
    free(given);
    free(weights);
    free(arena);
    return 0;
}
