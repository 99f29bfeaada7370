/* ONNX Runtime by its C interface, a table of functions whose order never changes.
 *
 * NOTE: the wheel has the library but no header. The numbers are places in the table OrtApi of
 * onnxruntime_c_api.h; a new version only adds at the end.
 */
#include <stdint.h>

#include "runner.h"

enum {
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_SESSION_OPTIONS = 10,
    SET_OPTIMIZATION_LEVEL = 23,
    SET_INTRA_OP_THREADS = 24,
    SET_INTER_OP_THREADS = 25,
    CREATE_TENSOR_WITH_DATA = 49,
    CREATE_CPU_MEMORY_INFO = 69
};
enum { API_VERSION = 15, LOG_ERROR = 3, OPTIMIZE_ALL = 99, FLOAT = 1, ARENA = 1, DEFAULT = 0 };

typedef struct {
    void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
} ApiBase;

extern const ApiBase *OrtGetApiBase(void);

static void *const *api;
static void *session, *ends[2];

static void check(void *status) {
    if (status) fail(((const char *(*)(void *))api[GET_ERROR_MESSAGE])(status));
}

static void *tensor(void *memory, float *data, int channels, int size) {
    int64_t shape[] = {1, channels, size, size};
    size_t bytes = sizeof(float) * (size_t)channels * (size_t)size * (size_t)size;
    void *made = NULL;
    check(((void *(*)(void *, void *, size_t, const int64_t *, size_t, int, void **))
               api[CREATE_TENSOR_WITH_DATA])(memory, data, bytes, shape, 4, FLOAT, &made));
    return made;
}

static void engine_load(const char *model, int size, int threads, float *x, float *y) {
    void *env, *options, *memory;
    api = OrtGetApiBase()->get_api(API_VERSION);
    check(((void *(*)(int, const char *, void **))api[CREATE_ENV])(LOG_ERROR, "runner", &env));
    check(((void *(*)(void **))api[CREATE_SESSION_OPTIONS])(&options));
    check(((void *(*)(void *, int))api[SET_OPTIMIZATION_LEVEL])(options, OPTIMIZE_ALL));
    check(((void *(*)(void *, int))api[SET_INTRA_OP_THREADS])(options, threads));
    check(((void *(*)(void *, int))api[SET_INTER_OP_THREADS])(options, 1));
    check(((void *(*)(void *, const char *, void *, void **))api[CREATE_SESSION])(
        env, model, options, &session));
    check(((void *(*)(int, int, void **))api[CREATE_CPU_MEMORY_INFO])(ARENA, DEFAULT, &memory));
    ends[0] = tensor(memory, x, 3, size);
    ends[1] = tensor(memory, y, 1, size);
}

static void engine_infer(float *x, float *y) {
    static const char *const input[] = {"image"}, *const output[] = {"logits"};
    (void)x, (void)y;
    check(((void *(*)(void *, void *, const char *const *, void *const *, size_t,
                      const char *const *, size_t, void **))api[RUN])(
        session, NULL, input, &ends[0], 1, output, 1, &ends[1]));
}
