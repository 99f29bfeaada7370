/* Pictures for the runner: PGM, PPM and PAM (binary, 8 or 16 bits) and BMP (8, 24 or 32 bits,
 * uncompressed). Files are not trusted: sizes are checked before anything is read. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger pictures are refused: no network here takes them. */
#define PICTURE_SIDE 32768
#define PICTURE_CHANNELS 16

typedef struct {
    uint8_t *pixels; /* interleaved; 16-bit samples in the machine's byte order */
    int32_t height, width, channels, bytes;
    size_t row_bytes;
} picture;

static void picture_free(picture *shown)
{
    free(shown->pixels);
    shown->pixels = 0;
}

static const char *picture_room(picture *shown)
{
    if (shown->height < 1 || shown->width < 1) return "a picture with pixels is wanted";
    if (shown->height > PICTURE_SIDE || shown->width > PICTURE_SIDE) return "the picture is too large";
    shown->row_bytes = (size_t)shown->width * (size_t)shown->channels * (size_t)shown->bytes;
    shown->pixels = malloc(shown->row_bytes * (size_t)shown->height);
    return shown->pixels ? 0 : "no memory for the picture";
}

/* The next number of a PNM header; -1 where there is none. Comments run from # to the line's end. */
static long pnm_number(FILE *file)
{
    long value = 0;
    int c = getc(file);
    while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#') {
        if (c == '#')
            while (c != '\n' && c != EOF) c = getc(file);
        else
            c = getc(file);
    }
    if (c < '0' || c > '9') return -1;
    for (; c >= '0' && c <= '9'; c = getc(file)) {
        value = value * 10 + (c - '0');
        if (value > 1000000) return -1;
    }
    return value; /* the one byte of white space after it is used up */
}

/* Rows as they stand in the file; 16-bit samples are big-endian there. */
static const char *pnm_rows(FILE *file, picture *shown)
{
    const char *wrong = picture_room(shown);
    if (wrong) return wrong;
    for (int32_t y = 0; y < shown->height; y++) {
        uint8_t *row = shown->pixels + (size_t)y * shown->row_bytes;
        if (fread(row, 1, shown->row_bytes, file) != shown->row_bytes) return "it is truncated";
        if (shown->bytes == 2)
            for (size_t i = 0; i < shown->row_bytes; i += 2) {
                const uint16_t sample = (uint16_t)(row[i] << 8 | row[i + 1]);
                memcpy(row + i, &sample, 2);
            }
    }
    return 0;
}

static const char *pnm_shape(picture *shown, long width, long height, long channels, long most)
{
    if (width < 1 || height < 1 || channels < 1) return "its PNM header is wrong";
    if (channels > PICTURE_CHANNELS) return "at most 16 channels are wanted";
    if (most != 255 && most != 65535) return "samples up to 255 or 65535 are wanted";
    shown->width = (int32_t)width;
    shown->height = (int32_t)height;
    shown->channels = (int32_t)channels;
    shown->bytes = most > 255 ? 2 : 1;
    return 0;
}

static const char *pnm_read(FILE *file, int letter, picture *shown)
{
    const long width = pnm_number(file), height = pnm_number(file), most = pnm_number(file);
    const char *wrong = pnm_shape(shown, width, height, letter == '5' ? 1 : 3, most);
    return wrong ? wrong : pnm_rows(file, shown);
}

/* PAM: one `NAME value` a line, until ENDHDR. */
static const char *pam_read(FILE *file, picture *shown)
{
    char line[128], name[32];
    long value, width = 0, height = 0, channels = 0, most = 0;
    const char *wrong;
    for (int lines = 0; lines < 64 && fgets(line, sizeof line, file); lines++) {
        const int found = sscanf(line, "%31s %9ld", name, &value);
        if (found >= 1 && !strcmp(name, "ENDHDR")) {
            wrong = pnm_shape(shown, width, height, channels, most);
            return wrong ? wrong : pnm_rows(file, shown);
        }
        if (found < 2) continue;
        if (!strcmp(name, "WIDTH")) width = value;
        else if (!strcmp(name, "HEIGHT")) height = value;
        else if (!strcmp(name, "DEPTH")) channels = value;
        else if (!strcmp(name, "MAXVAL")) most = value;
    }
    return "its PAM header has no end";
}

static uint32_t bmp_number(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    while (count-- > 0) value = value << 8 | bytes[count];
    return value;
}

static const char *bmp_read(FILE *file, picture *shown)
{
    uint8_t head[54], palette[1024], row[4 * PICTURE_SIDE + 4];
    uint32_t bits, colours, begin, headed;
    int32_t height;
    size_t stride;
    const char *wrong;
    head[0] = 'B';
    head[1] = 'M';
    if (fread(head + 2, 1, 52, file) != 52) return "its BMP header is truncated";
    begin = bmp_number(head + 10, 4);
    headed = bmp_number(head + 14, 4);
    bits = bmp_number(head + 28, 2);
    colours = bmp_number(head + 46, 4);
    height = (int32_t)bmp_number(head + 22, 4);
    if (headed < 40 || headed > 124 || begin < 14 + headed) return "its BMP header is wrong";
    if (bmp_number(head + 30, 4) != 0 || (bits != 8 && bits != 24 && bits != 32))
        return "an uncompressed BMP of 8, 24 or 32 bits a pixel is wanted";
    if (height == INT32_MIN || bmp_number(head + 18, 4) > PICTURE_SIDE) return "the picture is too large";
    shown->width = (int32_t)bmp_number(head + 18, 4);
    shown->height = height < 0 ? -height : height;
    shown->channels = 3;
    shown->bytes = 1;
    memset(palette, 0, sizeof palette);
    if (bits == 8) {
        if (!colours) colours = 256;
        if (colours > 256) return "its palette is too long";
        if (fseek(file, (long)(14 + headed), SEEK_SET)) return "its palette is missing";
        if (fread(palette, 4, colours, file) != colours) return "its palette is truncated";
    }
    if (begin > 1 << 20 || fseek(file, (long)begin, SEEK_SET)) return "its pixels are missing";
    if ((wrong = picture_room(shown))) return wrong;
    stride = ((size_t)shown->width * bits / 8 + 3) / 4 * 4;
    for (int32_t i = 0; i < shown->height; i++) {
        const int32_t y = height < 0 ? i : shown->height - 1 - i;
        uint8_t *to = shown->pixels + (size_t)y * shown->row_bytes;
        if (fread(row, 1, stride, file) != stride) return "it is truncated";
        for (int32_t x = 0; x < shown->width; x++, to += 3) {
            const uint8_t *from = bits == 8 ? palette + 4 * row[x] : row + (size_t)x * (bits / 8);
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
        }
    }
    return 0;
}

/* Null, or what is wrong with the file; free with picture_free either way. */
static const char *picture_read(const char *path, picture *shown)
{
    FILE *file = fopen(path, "rb");
    const char *wrong = "PGM (P5), PPM (P6), PAM (P7) or BMP is wanted";
    int first, second;
    if (!file) return "it could not be opened";
    first = getc(file);
    second = getc(file);
    if (first == 'P' && (second == '5' || second == '6')) wrong = pnm_read(file, second, shown);
    else if (first == 'P' && second == '7') wrong = pam_read(file, shown);
    else if (first == 'B' && second == 'M') wrong = bmp_read(file, shown);
    fclose(file);
    return wrong;
}
#endif
