/* ccnet-run: segments a picture (PGM, PPM, PAM or BMP) with the network beside it.
 *
 *     ccnet-run WEIGHTS IMAGE MASK.pgm [--logits FILE] [--rows | --floats] [--threads N]
 *                                      [--machine NAME] [--bench N] [--times] [--memory]
 *
 * Masks are PGM with a class index a pixel. --logits writes float32 planes, --rows reads and
 * feeds the image row by row, so that one row of it is held, --floats takes for IMAGE what the
 * network sees: float32 planes, prepared and padded, --bench prints the milliseconds of N
 * more runs, --times those of loading the network and of the first run before them, --memory the
 * process's peak (VmHWM, Linux). Exit status: 0 done, 2 usage or a bad file, 4 not enough memory. */
#include "ccnet.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#ifndef CCNET_NO_THREADS
#include <pthread.h>
#endif
#include "picture.h"

typedef struct {
    const char *weights, *image, *mask, *logits, *machine;
    int rows, floats, threads, bench, times, memory;
} options;

/* What is held until the end. */
typedef struct {
    void *weights, *arena;
    size_t weights_bytes, arena_bytes;
    ccnet *net;
    FILE *file;
    picture shown;
    uint8_t *pixels; /* CCNET_HEIGHT rows of row_bytes; with --rows one */
    size_t row_bytes;
    ccnet_output output;
    double load_ms;
} session;

#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
static int fail(int code, const char *what, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "ccnet-run: %s: ", what);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    return code;
}

static double now_ms(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void *aligned_memory(size_t size)
{
    return aligned_alloc(CCNET_ALIGN, (size / CCNET_ALIGN + 1) * CCNET_ALIGN);
}

/* ---- threads ----------------------------------------------------------------------------- */

#ifndef CCNET_NO_THREADS
typedef struct {
    ccnet_job job;
    void *arg;
    int32_t index;
} task;

static void *run_task(void *given)
{
    const task *one = given;
    one->job(one->arg, one->index);
    return 0;
}

/* One thread a band; the caller's thread takes the first. */
static void in_threads(void *user, ccnet_job job, void *arg, int32_t count)
{
    pthread_t threads[CCNET_MOST_BANDS];
    task tasks[CCNET_MOST_BANDS];
    int started[CCNET_MOST_BANDS] = {0};
    (void)user;
    for (int32_t i = 1; i < count; i++) {
        tasks[i] = (task){job, arg, i};
        started[i] = !pthread_create(&threads[i], 0, run_task, &tasks[i]);
    }
    job(arg, 0);
    for (int32_t i = 1; i < count; i++) {
        if (started[i]) pthread_join(threads[i], 0);
        else job(arg, i);
    }
}
#else
#define in_threads 0
#endif

/* ---- the command line -------------------------------------------------------------------- */

static int whole_number(const char *name, const char *word, long low, long high, int *found)
{
    char *end;
    const long value = strtol(word, &end, 10);
    if (end == word || *end || value < low || value > high)
        return fail(2, name, "%ld to %ld were wanted, found %s", low, high, word);
    *found = (int)value;
    return 0;
}

/* An option that has a value. */
static int valued(const char *name, const char *value, options *found)
{
    const char **const text = !strcmp(name, "--logits")    ? &found->logits
                              : !strcmp(name, "--machine") ? &found->machine
                                                           : 0;
    int *const number = !strcmp(name, "--threads") ? &found->threads
                        : !strcmp(name, "--bench") ? &found->bench
                                                   : 0;
    if (!text && !number)
        return fail(2, name, "no such option; known: --bench, --floats, --logits, --machine, "
                    "--memory, --rows, --threads, --times");
    if (!value) return fail(2, name, "a value is wanted after it");
    if (text) *text = value;
    else if (number == &found->threads) return whole_number(name, value, 1, CCNET_MOST_BANDS, number);
    else return whole_number(name, value, 0, 1000000, number);
    return 0;
}

static int parse(int count, char **words, options *found)
{
    const char **names[] = {&found->weights, &found->image, &found->mask};
    int given = 0, code = 0;
    found->threads = 1;
    for (int i = 1; !code && i < count; i++) {
        char *word = words[i];
        if (!strcmp(word, "--rows")) found->rows = 1;
        else if (!strcmp(word, "--floats")) found->floats = 1;
        else if (!strcmp(word, "--times")) found->times = 1;
        else if (!strcmp(word, "--memory")) found->memory = 1;
        else if (!strncmp(word, "--", 2)) code = valued(word, ++i < count ? words[i] : 0, found);
        else if (given < 3) *names[given++] = word;
        else code = fail(2, word, "WEIGHTS, IMAGE and MASK.pgm were wanted, found one word more");
    }
    if (!code && given < 3)
        code = fail(2, "usage", "ccnet-run WEIGHTS IMAGE MASK.pgm [--logits FILE] "
                    "[--rows | --floats] [--threads N] [--machine NAME] [--bench N] [--times] "
                    "[--memory]");
    if (!code && found->rows && found->floats)
        code = fail(2, "--floats", "planes are not read row by row: --rows does not go with it");
    return code;
}

/* ---- files ------------------------------------------------------------------------------- */

static int read_weights(const options *chosen, session *now)
{
    FILE *file = fopen(chosen->weights, "rb");
    long length = -1;
    int code = 0;
    if (!file) return fail(2, chosen->weights, "could not be opened: %s", strerror(errno));
    if (!fseek(file, 0, SEEK_END)) length = ftell(file);
    rewind(file);
    if (length != CCNET_WEIGHTS_BYTES) {
        code = fail(2, chosen->weights, "weights of %ld bytes were wanted, found %ld; use the whole "
                    "file that was written with this network", (long)CCNET_WEIGHTS_BYTES, length);
    } else if (!(now->weights = aligned_memory(CCNET_WEIGHTS_BYTES))) {
        code = fail(4, chosen->weights, "no memory for %ld bytes", length);
    } else {
        now->weights_bytes = fread(now->weights, 1, CCNET_WEIGHTS_BYTES, file);
    }
    fclose(file);
    return code;
}

/* Row y of the network's input: the picture's, whose last row and column are repeated. */
static int read_row(session *now, int32_t y, uint8_t *row)
{
    picture *const shown = &now->shown;
    const size_t pixel = (size_t)(shown->channels * shown->bytes);
    int code = 0;
    if (y < CCNET_IMAGE_HEIGHT) code = picture_row(now->file, shown, y, row);
    for (size_t at = shown->row_bytes; !code && at < now->row_bytes; at++) row[at] = row[at - pixel];
    return code;
}

static int read_pixels(session *now)
{
    int code = 0;
    for (int32_t y = 0; !code && y < CCNET_HEIGHT; y++) {
        uint8_t *const row = now->pixels + (size_t)y * now->row_bytes;
        if (y >= CCNET_IMAGE_HEIGHT) memcpy(row, row - now->row_bytes, now->row_bytes);
        else code = read_row(now, y, row);
    }
    return code;
}

/* The network's own input, CCNET_CHANNELS planes of CCNET_HEIGHT × CCNET_WIDTH float32. */
static int read_floats(const options *chosen, session *now)
{
    const size_t size = sizeof(float) * CCNET_CHANNELS * CCNET_HEIGHT * CCNET_WIDTH;
    now->file = fopen(chosen->image, "rb");
    if (!now->file) return fail(2, chosen->image, "could not be opened: %s", strerror(errno));
    now->pixels = malloc(size);
    if (!now->pixels)
        return fail(4, chosen->image, "no memory for %lu bytes", (unsigned long)size);
    if (fread(now->pixels, 1, size, now->file) != size || fgetc(now->file) != EOF)
        return fail(2, chosen->image, "%d planes of %d x %d float32 were wanted, %lu bytes in all",
                    CCNET_CHANNELS, CCNET_WIDTH, CCNET_HEIGHT, (unsigned long)size);
    return 0;
}

/* With --rows there is memory for a row. */
static int read_picture(const options *chosen, session *now)
{
    picture *const shown = &now->shown;
    const size_t rows = chosen->rows ? 1 : CCNET_HEIGHT;
    int code;
    if (chosen->floats) return read_floats(chosen, now);
    now->file = fopen(chosen->image, "rb");
    if (!now->file) return fail(2, chosen->image, "could not be opened: %s", strerror(errno));
    code = picture_head(now->file, shown);
    if (!code && (shown->height != CCNET_IMAGE_HEIGHT || shown->width != CCNET_IMAGE_WIDTH ||
                  shown->channels != CCNET_CHANNELS))
        code = picture_wrong(shown, "%d x %d pixels of %d channels were wanted, found %d x %d of %d: "
                             "resize or convert it", CCNET_IMAGE_WIDTH, CCNET_IMAGE_HEIGHT, CCNET_CHANNELS,
                             (int)shown->width, (int)shown->height, (int)shown->channels);
    if (code) return fail(code, chosen->image, "%s", shown->wrong);
    now->row_bytes = (size_t)CCNET_WIDTH * (size_t)(shown->channels * shown->bytes);
    now->pixels = malloc(rows * now->row_bytes);
    if (!now->pixels)
        return fail(4, chosen->image, "no memory for %lu rows of %lu bytes", (unsigned long)rows,
                    (unsigned long)now->row_bytes);
    if (!chosen->rows) code = read_pixels(now);
    return code ? fail(code, chosen->image, "%s", shown->wrong) : 0;
}

/* Written aside and renamed, so that a file is there whole or not at all. What is no file
 * (/dev/null, a pipe) is written where it is. */
static int write_file(const char *path, const char *head, const void *bytes, size_t size)
{
    struct stat found;
    const int aside = stat(path, &found) || S_ISREG(found.st_mode);
    char *part = malloc(strlen(path) + sizeof ".part");
    FILE *file = 0;
    int done = 0, code = 0;
    if (!part) return fail(4, path, "no memory");
    strcpy(part, path);
    if (aside) strcat(part, ".part");
    file = fopen(part, "wb");
    if (file) {
        done = fwrite(head, 1, strlen(head), file) == strlen(head);
        done = done && fwrite(bytes, 1, size, file) == size;
        done = !fclose(file) && done;
    }
    if (done && aside) done = !rename(part, path);
    if (!done) code = fail(2, path, "could not be written: %s", strerror(errno));
    if (!done && file && aside) remove(part);
    free(part);
    return code;
}

/* The line of /proc/self/status that says how much memory was resident at most. */
static void print_peak(void)
{
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmHWM:", 6)) fputs(line, stdout);
    if (file) fclose(file);
}

/* ---- the network ------------------------------------------------------------------------- */

static int open_net(const options *chosen, session *now)
{
    const size_t bytes =
        chosen->rows ? CCNET_STREAM_ARENA_BYTES : CCNET_ARENA_BYTES_FOR(chosen->threads);
    ccnet_status status;
    now->arena = aligned_memory(bytes);
    if (!now->arena) return fail(4, "arena", "no memory for %lu bytes", (unsigned long)bytes);
    status = ccnet_open(&now->net, now->arena, bytes, now->weights, now->weights_bytes);
    if (status) return fail(2, chosen->weights, "%s", ccnet_text(status));
    if (!chosen->machine) return 0;
    status = ccnet_use(now->net, chosen->machine);
    return status ? fail(2, chosen->machine, "%s; the best here is %s", ccnet_text(status),
                         ccnet_machine()) : 0;
}

static int segment_rows(const options *chosen, session *now, int32_t format)
{
    ccnet_status status = ccnet_begin(now->net, format, &now->output);
    for (int32_t y = 0; !status && y < CCNET_HEIGHT; y++) {
        const int code = read_row(now, y, now->pixels);
        if (code) return fail(code, chosen->image, "%s", now->shown.wrong);
        status = ccnet_feed(now->net, now->pixels, 0);
    }
    return status ? fail(2, chosen->image, "%s", ccnet_text(status)) : 0;
}

static int segment(const options *chosen, session *now)
{
    const picture *shown = &now->shown;
    const ccnet_image image = {.pixels = now->pixels, .row_bytes = now->row_bytes,
                               .height = CCNET_HEIGHT, .width = CCNET_WIDTH,
                               .channels = CCNET_CHANNELS,
                               .format = chosen->floats      ? CCNET_F32
                                         : shown->bytes == 2 ? CCNET_U16
                                                             : CCNET_U8};
    ccnet_status status;
    if (chosen->rows) return segment_rows(chosen, now, image.format);
    status = ccnet_segment_bands(now->net, &image, &now->output, chosen->threads, in_threads, 0);
    return status ? fail(2, chosen->image, "%s", ccnet_text(status)) : 0;
}

/* Planes of CCNET_HEIGHT × CCNET_WIDTH values cut to the image's size, in place; their bytes. */
static size_t crop(void *planes, size_t count, size_t value)
{
    const size_t row = CCNET_IMAGE_WIDTH * value;
    uint8_t *to = planes;
    for (size_t plane = 0; plane < count; plane++)
        for (size_t y = 0; y < CCNET_IMAGE_HEIGHT; y++, to += row)
            memmove(to, (uint8_t *)planes + (plane * CCNET_HEIGHT + y) * CCNET_WIDTH * value, row);
    return (size_t)(to - (uint8_t *)planes);
}

/* The times of more runs; with --rows reading the file is part of them. */
static int bench(const options *chosen, session *now)
{
    int code = 0;
    for (int i = 0; !code && i < chosen->bench; i++) {
        const double start = now_ms();
        if (chosen->rows) code = picture_rewind(now->file, &now->shown);
        if (code) return fail(code, chosen->image, "%s", now->shown.wrong);
        code = segment(chosen, now);
        if (!code) printf("%.4f\n", now_ms() - start);
        fflush(stdout);
    }
    return code;
}

static int run(const options *chosen, session *now)
{
    static uint8_t mask[(size_t)CCNET_HEIGHT * CCNET_WIDTH];
    size_t scores = sizeof mask * CCNET_OUTPUTS * sizeof(float);
    char head[64];
    double start;
    int code;
    now->output.mask = mask;
    if (chosen->logits && !(now->output.scores = malloc(scores)))
        return fail(4, "--logits", "no memory for %lu bytes", (unsigned long)scores);
    start = now_ms();
    code = segment(chosen, now);
    if (!code && chosen->times) printf("load %.4f\nfirst %.4f\n", now->load_ms, now_ms() - start);
    if (!code) code = bench(chosen, now);
    if (code) return code;
    snprintf(head, sizeof head, "P5\n%d %d\n255\n", CCNET_IMAGE_WIDTH, CCNET_IMAGE_HEIGHT);
    code = write_file(chosen->mask, head, mask, crop(mask, 1, 1));
    if (chosen->logits) scores = crop(now->output.scores, CCNET_OUTPUTS, sizeof(float));
    if (!code && chosen->logits) code = write_file(chosen->logits, "", now->output.scores, scores);
    if (!code && chosen->memory) print_peak();
    return code;
}

int main(int count, char **words)
{
    options chosen = {0};
    session now = {0};
    double start = 0;
    int code = parse(count, words, &chosen);
    if (!code) code = read_picture(&chosen, &now);
    start = now_ms();
    if (!code) code = read_weights(&chosen, &now);
    if (!code) code = open_net(&chosen, &now);
    now.load_ms = now_ms() - start;
    if (!code) code = run(&chosen, &now);
    free(now.output.scores);
    free(now.pixels);
    if (now.file) fclose(now.file);
    free(now.arena);
    free(now.weights);
    return code;
}
