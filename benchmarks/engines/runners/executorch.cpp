/* ExecuTorch by its C++ interface; headers and libraries are in the wheel. */
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include "runner.h"

/* NOTE: the one header that the wheel lacks; the library has both. */
namespace executorch::extension::threadpool {
struct ThreadPool {
    bool _unsafe_reset_threadpool(uint32_t threads);
};
ThreadPool *get_threadpool();
}  // namespace executorch::extension::threadpool

using executorch::extension::Module;
using executorch::extension::TensorPtr;

static Module *network;
static TensorPtr image;
static size_t pixels;

static void engine_load(const char *model, int size, int threads, float *x, float *) {
    executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(
        static_cast<uint32_t>(threads));
    network = new Module(model, Module::LoadMode::Mmap);
    if (network->load_forward() != executorch::runtime::Error::Ok) fail("the program did not load");
    image = executorch::extension::from_blob(x, {1, 3, size, size});
    pixels = static_cast<size_t>(size) * static_cast<size_t>(size);
}

static void engine_infer(float *, float *y) {
    const auto logits = network->forward(image);
    if (!logits.ok()) fail("the program did not run");
    memcpy(y, logits->at(0).toTensor().const_data_ptr<float>(), pixels * sizeof *y);
}
