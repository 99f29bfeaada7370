/* Fuzzing of picture.h: any bytes are a picture or refused, within the memory that they say. */
#include "picture.h"

#include <stdlib.h>

#define MOST ((size_t)1 << 18) /* larger pictures would only take time */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Every row into memory of just its size, twice. */
static void read_rows(FILE *file, picture *shown)
{
    uint8_t *pixels = malloc(shown->row_bytes * (size_t)shown->height), *row = malloc(shown->row_bytes);
    int code = 0;
    if (!pixels || !row) abort();
    for (int32_t y = 0; !code && y < shown->height; y++)
        code = picture_row(file, shown, y, pixels + (size_t)y * shown->row_bytes);
    if (!code != !shown->wrong[0]) abort();
    if (!code && picture_rewind(file, shown)) abort();
    for (int32_t y = 0; !code && y < shown->height; y++)
        if (picture_row(file, shown, y, row) ||
            memcmp(row, pixels + (size_t)y * shown->row_bytes, shown->row_bytes))
            abort();
    free(row);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    picture shown;
    FILE *file = size ? fmemopen((void *)(uintptr_t)bytes, size, "rb") : 0;
    int code;
    if (!file) return 0;
    code = picture_head(file, &shown);
    if (!code != !shown.wrong[0]) abort(); /* refused, and says why */
    if (!code) {
        if (shown.height < 1 || shown.height > PICTURE_SIDE || shown.width < 1 ||
            shown.width > PICTURE_SIDE || shown.channels < 1 || shown.channels > PICTURE_CHANNELS ||
            shown.row_bytes != (size_t)shown.width * (size_t)(shown.channels * shown.bytes))
            abort();
        if (shown.row_bytes * (size_t)shown.height <= MOST) read_rows(file, &shown);
    }
    fclose(file);
    return 0;
}
