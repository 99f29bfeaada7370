/* Pictures for the runner: PGM, PPM and PAM (binary, 8 or 16 bits) and BMP (8, 24 or 32 bits,
 * uncompressed). Files are not trusted: picture_head says what a file holds, the caller looks at
 * it, and only then takes memory and reads rows.
 *
 * Functions give 0, or 2 for a file that cannot be used; `wrong` says why. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger pictures are refused: no network here takes them. */
#define PICTURE_SIDE 32768
#define PICTURE_CHANNELS 16

typedef struct {
    int32_t height, width, channels, bytes;
    size_t row_bytes; /* of interleaved pixels; 16-bit samples in the machine's byte order */
    char wrong[200];
    uint32_t begin; /* where the pixels begin in the file */
    /* BMP only: bits a pixel (0: no BMP), whether the first row is the lowest, and blue, green,
     * red and a spare byte for every value of 8 bits. */
    uint32_t bits;
    int lowest_first;
    uint8_t palette[1024];
} picture;

#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
static int picture_wrong(picture *shown, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(shown->wrong, sizeof shown->wrong, format, values);
    va_end(values);
    return 2;
}

static int picture_shape(picture *shown, long width, long height, long channels, long most)
{
    if (width < 1 || height < 1 || channels < 1)
        return picture_wrong(shown, "width, height and channels of 1 or more were wanted in its "
                             "header, found %ld, %ld and %ld", width, height, channels);
    if (width > PICTURE_SIDE || height > PICTURE_SIDE || channels > PICTURE_CHANNELS)
        return picture_wrong(shown, "at most %d x %d pixels of %d channels were wanted, found "
                             "%ld x %ld of %ld", PICTURE_SIDE, PICTURE_SIDE, PICTURE_CHANNELS,
                             width, height, channels);
    if (most != 255 && most != 65535)
        return picture_wrong(shown, "samples up to 255 or 65535 were wanted, found up to %ld: "
                             "convert it to 8 or 16 bits", most);
    shown->width = (int32_t)width;
    shown->height = (int32_t)height;
    shown->channels = (int32_t)channels;
    shown->bytes = most > 255 ? 2 : 1;
    shown->row_bytes = (size_t)shown->width * (size_t)shown->channels * (size_t)shown->bytes;
    return 0;
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
    for (; c >= '0' && c <= '9'; c = getc(file))
        if (value < 100000000) value = value * 10 + (c - '0');
    return value; /* the one byte of white space after it is used up */
}

static int pnm_head(FILE *file, int letter, picture *shown)
{
    const long width = pnm_number(file), height = pnm_number(file), most = pnm_number(file);
    shown->begin = (uint32_t)ftell(file);
    return picture_shape(shown, width, height, letter == '5' ? 1 : 3, most);
}

/* One line without its end, cut where it does not fit; 0 at the file's end. */
static int pam_line(FILE *file, char *line, size_t room)
{
    size_t length = 0;
    int c = getc(file);
    if (c == EOF) return 0;
    for (; c != '\n' && c != EOF; c = getc(file))
        if (length + 1 < room) line[length++] = (char)c;
    line[length] = 0;
    return 1;
}

/* PAM: one `NAME value` a line, until ENDHDR. */
static int pam_head(FILE *file, picture *shown)
{
    char line[80], name[16];
    long value, width = 0, height = 0, channels = 0, most = 0;
    for (int lines = 0; lines < 256 && pam_line(file, line, sizeof line); lines++) {
        const int found = sscanf(line, "%15s %9ld", name, &value);
        if (found < 1) continue;
        if (!strcmp(name, "ENDHDR")) {
            shown->begin = (uint32_t)ftell(file);
            return picture_shape(shown, width, height, channels, most);
        }
        if (found < 2) continue;
        if (!strcmp(name, "WIDTH")) width = value;
        else if (!strcmp(name, "HEIGHT")) height = value;
        else if (!strcmp(name, "DEPTH")) channels = value;
        else if (!strcmp(name, "MAXVAL")) most = value;
    }
    return picture_wrong(shown, "a line ENDHDR was wanted in its PAM header, found none");
}

static uint32_t bmp_number(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    while (count-- > 0) value = value << 8 | bytes[count];
    return value;
}

static int bmp_palette(FILE *file, picture *shown, uint32_t at, uint32_t colours)
{
    if (!colours) colours = 256;
    if (colours > 256)
        return picture_wrong(shown, "a palette of at most 256 colours was wanted, found %lu",
                             (unsigned long)colours);
    if (fseek(file, (long)at, SEEK_SET) || fread(shown->palette, 4, colours, file) != colours)
        return picture_wrong(shown, "a palette of %lu colours was wanted, the file ends before",
                             (unsigned long)colours);
    return 0;
}

static int bmp_head(FILE *file, picture *shown)
{
    uint8_t head[54] = {'B', 'M'};
    uint32_t headed, packed, width, height;
    int code;
    if (fread(head + 2, 1, 52, file) != 52)
        return picture_wrong(shown, "a BMP header of 54 bytes was wanted, the file ends before");
    shown->begin = bmp_number(head + 10, 4);
    headed = bmp_number(head + 14, 4);
    width = bmp_number(head + 18, 4);
    height = bmp_number(head + 22, 4);
    shown->bits = bmp_number(head + 28, 2);
    packed = bmp_number(head + 30, 4);
    if (headed < 40 || headed > 124 || shown->begin < 14 + headed || shown->begin > 1 << 20)
        return picture_wrong(shown, "a BMP header of 40 to 124 bytes before the pixels was wanted, "
                             "found %lu, pixels at %lu", (unsigned long)headed,
                             (unsigned long)shown->begin);
    if (packed || (shown->bits != 8 && shown->bits != 24 && shown->bits != 32))
        return picture_wrong(shown, "an uncompressed BMP of 8, 24 or 32 bits a pixel was wanted, "
                             "found %lu bits, compression %lu: save it without compression",
                             (unsigned long)shown->bits, (unsigned long)packed);
    /* A negative height, of two's complement, says that the highest row comes first. */
    shown->lowest_first = height < 0x80000000u;
    if (!shown->lowest_first) height = 0u - height;
    if (width > PICTURE_SIDE) width = PICTURE_SIDE + 1;
    if (height > PICTURE_SIDE) height = PICTURE_SIDE + 1;
    code = picture_shape(shown, (long)width, (long)height, 3, 255);
    if (code || shown->bits != 8) return code;
    return bmp_palette(file, shown, 14 + headed, bmp_number(head + 46, 4));
}

/* The format, sizes and samples of a picture whose file was just opened. */
static int picture_head(FILE *file, picture *shown)
{
    const int first = getc(file), second = getc(file);
    memset(shown, 0, sizeof *shown);
    if (first == 'P' && (second == '5' || second == '6')) return pnm_head(file, second, shown);
    if (first == 'P' && second == '7') return pam_head(file, shown);
    if (first == 'B' && second == 'M') return bmp_head(file, shown);
    return picture_wrong(shown, "PGM (P5), PPM (P6), PAM (P7) or BMP was wanted, found a file that "
                         "begins with other bytes: convert it");
}

/* The file ends `got` bytes into a row. */
static int picture_cut(picture *shown, int32_t row, size_t got, size_t wanted)
{
    const unsigned long all = (unsigned long)wanted * (unsigned long)shown->height;
    return picture_wrong(shown, "%lu bytes of pixels were wanted, found %lu: it is truncated", all,
                         (unsigned long)wanted * (unsigned long)row + (unsigned long)got);
}

/* One row as it stands in the file; 16-bit samples are big-endian there. */
static int pnm_row(FILE *file, picture *shown, int32_t y, uint8_t *row)
{
    const size_t got = fread(row, 1, shown->row_bytes, file);
    if (got != shown->row_bytes) return picture_cut(shown, y, got, shown->row_bytes);
    for (size_t i = 0; shown->bytes == 2 && i < shown->row_bytes; i += 2) {
        const uint16_t sample = (uint16_t)(row[i] << 8 | row[i + 1]);
        memcpy(row + i, &sample, 2);
    }
    return 0;
}

/* The file ends before the pixels do. */
static int bmp_cut(FILE *file, picture *shown, size_t stride)
{
    const long end = fseek(file, 0, SEEK_END) ? 0 : ftell(file);
    const size_t got = end > (long)shown->begin ? (size_t)end - shown->begin : 0;
    return picture_cut(shown, 0, got, stride);
}

static int bmp_row(FILE *file, picture *shown, int32_t y, uint8_t *row)
{
    const size_t pixel = shown->bits / 8, stride = ((size_t)shown->width * pixel + 3) / 4 * 4;
    const int32_t i = shown->lowest_first ? shown->height - 1 - y : y;
    uint8_t found[4];
    if (fseek(file, (long)(shown->begin + stride * (size_t)i), SEEK_SET))
        return bmp_cut(file, shown, stride);
    for (size_t x = 0; x < (size_t)shown->width; x++, row += 3) {
        const uint8_t *from = found;
        if (fread(found, 1, pixel, file) != pixel) return bmp_cut(file, shown, stride);
        if (pixel == 1) from = shown->palette + 4 * (size_t)found[0];
        row[0] = from[2];
        row[1] = from[1];
        row[2] = from[0];
    }
    return 0;
}

/* Row y into row_bytes of memory, after picture_head; rows are asked for from the first on. */
static int picture_row(FILE *file, picture *shown, int32_t y, uint8_t *row)
{
    return shown->bits ? bmp_row(file, shown, y, row) : pnm_row(file, shown, y, row);
}

/* Back to the first row. */
static int picture_rewind(FILE *file, picture *shown)
{
    if (!fseek(file, (long)shown->begin, SEEK_SET)) return 0;
    return picture_wrong(shown, "a file that can be read twice was wanted");
}
#endif
