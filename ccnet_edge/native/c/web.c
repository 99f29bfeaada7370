/* The network in a page: everything that it needs lies in the module's own memory, whose size is
 * known when it is built. worker.js writes weights and image where `web_weights` and `web_image`
 * say, and reads the mask from `web_mask`. Built with clang --target=wasm32. */
#include "ccnet.h"

#define WEB_EXPORT(name) __attribute__((export_name(#name), used)) name

static _Alignas(CCNET_ALIGN) uint8_t arena[CCNET_ARENA_BYTES];
static _Alignas(CCNET_ALIGN) uint8_t weights[CCNET_WEIGHTS_BYTES];
static _Alignas(CCNET_ALIGN) float image[CCNET_CHANNELS][CCNET_HEIGHT][CCNET_WIDTH];
static _Alignas(CCNET_ALIGN) uint8_t mask[CCNET_HEIGHT][CCNET_WIDTH];
static ccnet *net;

/* The page's: a row of the mask is ready. */
__attribute__((import_module("page"), import_name("row"))) void web_row(int32_t row);

static void ready(void *user, int32_t row, const uint8_t *classes)
{
    (void)user, (void)classes;
    web_row(row);
}

uint8_t *WEB_EXPORT(web_weights)(void) { return weights; }
float *WEB_EXPORT(web_image)(void) { return &image[0][0][0]; }
uint8_t *WEB_EXPORT(web_mask)(void) { return &mask[0][0]; }
const char *WEB_EXPORT(web_text)(ccnet_status status) { return ccnet_text(status); }

/* Once, after the weights were written. */
ccnet_status WEB_EXPORT(web_open)(void)
{
    return ccnet_open(&net, arena, sizeof arena, weights, sizeof weights);
}

/* The mask of the image; `scores`, if not null, takes [CCNET_OUTPUTS][H][W] logits. */
ccnet_status WEB_EXPORT(web_segment)(float *scores)
{
    const ccnet_image given = {.pixels = image, .height = CCNET_HEIGHT, .width = CCNET_WIDTH,
                               .channels = CCNET_CHANNELS, .format = CCNET_F32};
    const ccnet_output output = {.mask = &mask[0][0], .scores = scores, .on_row = ready};
    return ccnet_segment(net, &given, &output);
}
