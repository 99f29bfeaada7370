/* Logits of a float image on one instruction set, for machines that only an emulator has.
 *
 *     logits WEIGHTS IMAGE LOGITS MACHINE */
#include <stdio.h>

#include "ccnet.h"

enum { PIXELS = CCNET_HEIGHT * CCNET_WIDTH };
static _Alignas(CCNET_ALIGN) uint8_t arena[CCNET_ARENA_BYTES_FOR(2)], weights[CCNET_WEIGHTS_BYTES];
static float image[CCNET_CHANNELS * PIXELS], logits[CCNET_OUTPUTS * PIXELS];

static int whole(const char *path, const char *mode, void *memory, size_t size)
{
    FILE *file = fopen(path, mode);
    if (!file) return 0;
    const size_t done = *mode == 'r' ? fread(memory, 1, size, file) : fwrite(memory, 1, size, file);
    return !fclose(file) && done == size;
}

int main(int count, char **words)
{
    ccnet *net;
    const ccnet_image given = {.pixels = image, .height = CCNET_HEIGHT, .width = CCNET_WIDTH,
                               .channels = CCNET_CHANNELS, .format = CCNET_F32};
    const ccnet_output output = {.scores = logits};
    ccnet_status status;
    if (count != 5) return 2;
    if (!whole(words[1], "rb", weights, sizeof weights) || !whole(words[2], "rb", image, sizeof image)) return 3;
    status = ccnet_open(&net, arena, sizeof arena, weights, sizeof weights);
    if (!status) status = ccnet_use(net, words[4]);
    if (!status) status = ccnet_segment_bands(net, &given, &output, 2, 0, 0);
    if (status) puts(ccnet_text(status));
    return status || !whole(words[3], "wb", logits, sizeof logits);
}
