/* Stand-in for libcudart and libcuda: a GPU whose memory is the host's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cudaRuntimeGetVersion(int *version) { return *version = 12060, 0; }
int cudaMalloc(void **pointer, size_t size) {
    const char *limit = getenv("FAKE_CUDA_LIMIT");
    if (limit != NULL && size > strtoul(limit, NULL, 10)) return 2;
    return *pointer = malloc(size), *pointer == NULL;
}
int cudaFree(void *pointer) { return free(pointer), 0; }
int cudaStreamCreate(void **stream) { return *stream = malloc(1), 0; }
int cudaStreamSynchronize(void *stream) { return stream == NULL; }
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream) {
    if (stream == NULL || kind < 1 || kind > 2) return 1;
    return memcpy(to, from, size), 0;
}
const char *cudaGetErrorString(int status) { return status == 2 ? "out of memory" : "invalid"; }

int cuInit(unsigned flags) { return getenv("FAKE_NO_GPU") != NULL ? 100 : (int)flags; }
int cuDeviceGet(int *device, int number) { return *device = number, 0; }
int cuDeviceGetName(char *name, int size, int device) {
    const char *gpu = getenv("FAKE_GPU");
    return snprintf(name, (size_t)size, "%s", gpu != NULL ? gpu : "Orin (stand-in)"), device;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    return *value = attribute == 75 ? 8 : 7, device;
}
int cuDriverGetVersion(int *version) { return *version = 12060, 0; }
