/* LiteRT by its C interface, declared here since the wheel has the library but no headers. */
#include <stdint.h>

#include "runner.h"

typedef void *Handle;

/* litert_layout.h and litert_model_types.h, both stable by their own word. */
typedef struct {
    int element_type;
    unsigned rank : 7;
    unsigned has_strides : 1;
    int32_t sides[8];
    uint32_t strides[8];
} TensorType;

enum { OK = 0, FLOAT32 = 1, ON_PROCESSOR = 1 };

extern int LiteRtCreateEnvironment(int count, const void *options, Handle *made);
extern int LiteRtCreateModelFromFile(Handle environment, const char *path, Handle *made);
extern int LiteRtCreateOptions(Handle *made);
extern int LiteRtSetOptionsHardwareAccelerators(Handle options, int accelerators);
extern int LiteRtCreateOpaqueOptions(const char *name, void *toml, void (*release)(void *),
                                     Handle *made);
extern int LiteRtAddOpaqueOptions(Handle options, Handle added);
extern int LiteRtCreateCompiledModel(Handle environment, Handle model, Handle options,
                                     Handle *made);
extern int LiteRtCreateTensorBufferFromHostMemory(const TensorType *type, void *data, size_t bytes,
                                                  void (*release)(void *), Handle *made);
extern int LiteRtRunCompiledModel(Handle compiled, size_t signature, size_t inputs, Handle *input,
                                  size_t outputs, Handle *output);

static Handle compiled, ends[2];

static void check(int status) {
    char what[64];
    snprintf(what, sizeof what, "LiteRT answered %d", status);
    if (status != OK) fail(what);
}

static Handle buffer(float *data, int channels, int size) {
    TensorType type = {FLOAT32, 4, 0, {1, channels, size, size}, {0}};
    Handle made;
    size_t bytes = sizeof(float) * (size_t)channels * (size_t)size * (size_t)size;
    check(LiteRtCreateTensorBufferFromHostMemory(&type, data, bytes, NULL, &made));
    return made;
}

static void engine_load(const char *model, int size, int threads, float *x, float *y) {
    Handle environment, loaded, options, processor;
    char *toml = (char *)malloc(32);
    snprintf(toml, 32, "num_threads = %d\n", threads);
    check(LiteRtCreateEnvironment(0, NULL, &environment));
    check(LiteRtCreateModelFromFile(environment, model, &loaded));
    check(LiteRtCreateOptions(&options));
    check(LiteRtSetOptionsHardwareAccelerators(options, ON_PROCESSOR));
    check(LiteRtCreateOpaqueOptions("xnnpack", toml, free, &processor));
    check(LiteRtAddOpaqueOptions(options, processor));
    check(LiteRtCreateCompiledModel(environment, loaded, options, &compiled));
    ends[0] = buffer(x, 3, size);
    ends[1] = buffer(y, 1, size);
}

static void engine_infer(float *x, float *y) {
    (void)x, (void)y;
    check(LiteRtRunCompiledModel(compiled, 0, 1, &ends[0], 1, &ends[1]));
}
