/* Single functions of the library, from its own source; floats or halves in, results out.
 *
 *     probe machines | to-half MACHINE | from-half MACHINE | exp < IN > OUT */
#include "ccnet.c"

#include <stdio.h>
#include <string.h>

#define MOST 65536

static float floats[MOST];
static uint16_t halves[MOST];

static const cc_kernels *kernels_of(const char *name)
{
    cc_machine machine;
    for (int i = 0; i < CC_MACHINES; i++)
        if (cc_machine_at(i, &machine) && !strcmp(machine.name, name)) return machine.kernels;
    return 0;
}

/* A row of one plane; counts are multiples of the widest vector. */
static void convert(const cc_kernels *kernels, size_t count, int packing)
{
    cc_job job;
    memset(&job, 0, sizeof job);
    job.op = CC_NETWORK;
    job.spans = 1;
    job.span[0].channels = 1;
    job.span[0].pitch = (ptrdiff_t)count;
    job.span[0].row[0] = packing ? floats : (const float *)(const void *)halves;
    job.out[0] = packing ? (float *)(void *)halves : floats;
    (packing ? kernels->half : kernels->whole)(&job);
}

int main(int count, char **words)
{
    const int packing = count > 2 && !strcmp(words[1], "to-half");
    const int unpacking = count > 2 && !strcmp(words[1], "from-half");
    const cc_kernels *kernels = count > 2 ? kernels_of(words[2]) : 0;
    cc_machine machine;
    size_t got;
    for (int i = 0; count == 2 && !strcmp(words[1], "machines") && i < CC_MACHINES; i++)
        if (cc_machine_at(i, &machine)) printf("%s\n", machine.name);
    if (count == 2 && !strcmp(words[1], "exp"))
        while ((got = fread(floats, sizeof *floats, MOST, stdin)) > 0) {
            for (size_t i = 0; i < got; i++) floats[i] = cc_exp(floats[i]);
            fwrite(floats, sizeof *floats, got, stdout);
        }
    if (!kernels) return count > 2 ? 2 : 0;
    while (packing && (got = fread(floats, sizeof *floats, MOST, stdin)) > 0) {
        convert(kernels, got, 1);
        fwrite(halves, sizeof *halves, got, stdout);
    }
    while (unpacking && (got = fread(halves, sizeof *halves, MOST, stdin)) > 0) {
        convert(kernels, got, 0);
        fwrite(floats, sizeof *floats, got, stdout);
    }
    return 0;
}
