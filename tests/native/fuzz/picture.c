/* Fuzzing of picture.h: any bytes are a picture or refused, within the memory that they say. */
#include "picture.h"

#include <stdlib.h>

#define MOST ((size_t)1 << 18) /* larger pictures would only take time */

static volatile uint8_t seen;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Row by row, once more, gives the same. */
static void check_rows(FILE *file, picture *shown)
{
    uint8_t *row = malloc(shown->row_bytes);
    if (!row || picture_rewind(file, shown)) abort();
    for (int32_t y = 0; y < shown->height; y++)
        if (picture_row(file, shown, y, row) ||
            memcmp(row, shown->pixels + (size_t)y * shown->row_bytes, shown->row_bytes))
            abort();
    free(row);
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
        if (shown.row_bytes * (size_t)shown.height <= MOST) {
            code = picture_load(file, &shown);
            if (!code != !shown.wrong[0]) abort();
            for (size_t i = 0; !code && i < shown.row_bytes * (size_t)shown.height; i++)
                seen = shown.pixels[i]; /* all are there */
            if (!code) check_rows(file, &shown);
        }
    }
    picture_free(&shown);
    fclose(file);
    return 0;
}
