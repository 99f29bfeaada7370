/* OpenVINO by its C interface, whose headers are in the wheel. */
#include "openvino/c/openvino.h"
#include "runner.h"

static ov_infer_request_t *request;

static void check(ov_status_e status) {
    if (status) fail(ov_get_error_info(status));
}

static ov_tensor_t *tensor(float *data, int channels, int size) {
    int64_t sides[] = {1, channels, size, size};
    ov_shape_t shape;
    ov_tensor_t *made;
    check(ov_shape_create(4, sides, &shape));
    check(ov_tensor_create_from_host_ptr(F32, shape, data, &made));
    return made;
}

/* NOTE: fp32 alone: the hint of the default is a contender of its own, measured for time. */
static void engine_load(const char *model, int size, int threads, float *x, float *y) {
    ov_core_t *core;
    ov_compiled_model_t *compiled;
    char count[16];
    snprintf(count, sizeof count, "%d", threads);
    check(ov_core_create(&core));
    check(ov_core_compile_model_from_file(core, model, "CPU", 8, &compiled,
                                          "PERFORMANCE_HINT", "LATENCY", "NUM_STREAMS", "1",
                                          "INFERENCE_NUM_THREADS", count,
                                          "INFERENCE_PRECISION_HINT", "f32"));
    check(ov_compiled_model_create_infer_request(compiled, &request));
    check(ov_infer_request_set_input_tensor(request, tensor(x, 3, size)));
    check(ov_infer_request_set_output_tensor(request, tensor(y, 1, size)));
}

static void engine_infer(float *x, float *y) {
    (void)x, (void)y;
    check(ov_infer_request_infer(request));
}
