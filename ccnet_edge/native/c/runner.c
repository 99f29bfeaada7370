/* ccnet-run: segments a picture (PGM, PPM or BMP) with the network beside it.
 *
 *     ccnet-run WEIGHTS IMAGE MASK.pgm [--logits FILE] [--rows] [--threads N]
 *                                      [--machine NAME] [--bench N] [--memory]
 *
 * Masks are PGM with a class index a pixel. --memory prints the process's peak (VmHWM, Linux). Exit status: 0 done, 2 usage or a bad file,
 * 4 not enough memory. */
#include "ccnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifndef CCNET_NO_THREADS
#include <pthread.h>
#endif
#include "picture.h"

typedef struct {
    const char *weights, *image, *mask, *logits, *machine;
    int rows, threads, bench, memory;
} options;

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "ccnet-run: %s: %s\n", what, why);
    return 2;
}

static double now_ms(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void *aligned_memory(size_t size)
{
    return aligned_alloc(CCNET_ALIGN, (size + CCNET_ALIGN - 1) / CCNET_ALIGN * CCNET_ALIGN);
}

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
    pthread_t threads[64];
    task tasks[64];
    int started[64] = {0};
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

static int parse(int count, char **words, options *found)
{
    const char **names[] = {&found->weights, &found->image, &found->mask};
    int given = 0;
    found->threads = 1;
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : 0;
        if (!strcmp(word, "--rows")) {
            found->rows = 1;
        } else if (!strcmp(word, "--memory")) {
            found->memory = 1;
        } else if (!strncmp(word, "--", 2)) {
            if (!value) return fail(word, "a value is wanted after it");
            if (!strcmp(word, "--logits")) found->logits = value;
            else if (!strcmp(word, "--machine")) found->machine = value;
            else if (!strcmp(word, "--threads")) found->threads = atoi(value);
            else if (!strcmp(word, "--bench")) found->bench = atoi(value);
            else return fail(word, "no such option; --logits, --rows, --threads, --machine, --bench");
            i++;
        } else if (given < 3) {
            *names[given++] = word;
        } else {
            return fail(word, "one word too many");
        }
    }
    if (given < 3) return fail("usage", "ccnet-run WEIGHTS IMAGE MASK.pgm [options]");
    if (found->threads < 1 || found->threads > 64) return fail("--threads", "1 to 64 are wanted");
    return 0;
}

/* A whole file in aligned memory. */
static void *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = 0;
    long length;
    if (!file) return 0;
    if (!fseek(file, 0, SEEK_END) && (length = ftell(file)) >= 0 && !fseek(file, 0, SEEK_SET)) {
        *size = (size_t)length;
        bytes = aligned_memory(*size + 1);
        if (bytes && fread(bytes, 1, *size, file) != *size) {
            free(bytes);
            bytes = 0;
        }
    }
    fclose(file);
    return bytes;
}

static int write_file(const char *path, const char *head, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    int done;
    if (!file) return fail(path, strerror(errno));
    done = fwrite(head, 1, strlen(head), file) == strlen(head) && fwrite(bytes, 1, size, file) == size;
    if (fclose(file) || !done) {
        remove(path);
        return fail(path, "could not be written whole");
    }
    return 0;
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

static ccnet_status segment_rows(ccnet *net, const ccnet_image *image, const ccnet_output *output)
{
    ccnet_status status = ccnet_begin(net, image->format, output);
    for (int32_t y = 0; !status && y < image->height; y++)
        status = ccnet_feed(net, (const uint8_t *)image->pixels + (size_t)y * image->row_bytes, 0);
    return status;
}

static ccnet_status segment(ccnet *net, const options *chosen, const ccnet_image *image,
                            const ccnet_output *output)
{
    if (chosen->rows) return segment_rows(net, image, output);
    return ccnet_segment_bands(net, image, output, chosen->threads, in_threads, 0);
}

static int run(const options *chosen, ccnet *net, const picture *shown)
{
    static uint8_t mask[CCNET_HEIGHT * CCNET_WIDTH];
    const size_t scores = (size_t)CCNET_OUTPUTS * CCNET_HEIGHT * CCNET_WIDTH * sizeof(float);
    const ccnet_image image = {.pixels = shown->pixels, .row_bytes = shown->row_bytes,
                               .height = shown->height, .width = shown->width,
                               .channels = shown->channels,
                               .format = shown->bytes == 2 ? CCNET_U16 : CCNET_U8};
    ccnet_output output = {.mask = mask};
    ccnet_status status;
    char head[64];
    int code = 0;
    if (chosen->logits && !(output.scores = malloc(scores))) return fail("logits", "no memory");
    status = segment(net, chosen, &image, &output);
    for (int i = 0; !status && i < chosen->bench; i++) {
        const double start = now_ms();
        status = segment(net, chosen, &image, &output);
        printf("%.4f\n", now_ms() - start);
        fflush(stdout);
    }
    if (status) {
        code = fail(chosen->image, ccnet_text(status));
    } else {
        snprintf(head, sizeof head, "P5\n%d %d\n255\n", CCNET_WIDTH, CCNET_HEIGHT);
        code = write_file(chosen->mask, head, mask, sizeof mask);
        if (!code && chosen->logits) code = write_file(chosen->logits, "", output.scores, scores);
    }
    free(output.scores);
    if (chosen->memory && !code) print_peak();
    return code;
}

int main(int count, char **words)
{
    options chosen = {0};
    picture shown = {0};
    size_t size = 0, arena_bytes;
    void *weights, *arena;
    const char *wrong;
    ccnet *net;
    ccnet_status status;
    int code = parse(count, words, &chosen);
    if (code) return code;
    weights = read_file(chosen.weights, &size);
    if (!weights) return fail(chosen.weights, "could not be read");
    arena_bytes = chosen.rows ? CCNET_STREAM_ARENA_BYTES : CCNET_ARENA_BYTES_FOR(chosen.threads);
    arena = aligned_memory(arena_bytes);
    wrong = picture_read(chosen.image, &shown);
    if (!arena) {
        code = fail("arena", "no memory"), code = 4;
    } else if (wrong) {
        code = fail(chosen.image, wrong);
    } else if ((status = ccnet_open(&net, arena, arena_bytes, weights, size))) {
        code = fail(chosen.weights, ccnet_text(status));
    } else if (chosen.machine && (status = ccnet_use(net, chosen.machine))) {
        code = fail(chosen.machine, ccnet_text(status));
    } else {
        code = run(&chosen, net, &shown);
    }
    picture_free(&shown);
    free(arena);
    free(weights);
    return code;
}
