/* Memory whose neighbours must not be touched: beside a page that faults, or on the heap, where a
 * sanitizer watches it. What was given is never given back. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE ((size_t)65536) /* a multiple of every machine's */

typedef enum { AFTER, BEFORE, HEAP } beside;

static void *guarded(size_t size, beside where)
{
    const size_t pages = (size + PAGE - 1) / PAGE * PAGE;
    uint8_t *all, *begin;
    if (where == HEAP) {
        all = aligned_alloc(64, (size + 63) / 64 * 64);
        if (size % 64) { /* exactly `size` bytes, so that the byte after them is watched */
            free(all);
            all = malloc(size);
        }
        if (!all) exit(4);
        memset(all, 0x5a, size);
        return all;
    }
    all = mmap(0, pages + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + PAGE, pages, PROT_READ | PROT_WRITE)) exit(4);
    begin = all + PAGE + (where == AFTER ? pages - size : 0);
    memset(all + PAGE, 0x5a, pages);
    return begin;
}

static uint64_t hash(const void *bytes, size_t size)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return sum;
}

static void *read_all(const char *path, size_t *size, beside where)
{
    FILE *file = fopen(path, "rb");
    void *bytes;
    if (!file || fseek(file, 0, SEEK_END)) exit(2);
    *size = (size_t)ftell(file);
    rewind(file);
    bytes = guarded(*size, where);
    if (fread(bytes, 1, *size, file) != *size) exit(2);
    fclose(file);
    return bytes;
}
#endif
