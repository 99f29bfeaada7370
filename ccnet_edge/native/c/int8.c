/* What int8 programs have beside their kernels: how they are computed everywhere to the same
 * bits, the instruction sets, the input, and what stands before, between and around rows.
 *
 * A row is [(channels + 3) / 4][pitch][4] bytes: a 32-bit lane is one pixel's four channels, and
 * its product with a word of four weights is one instruction where the machine has it. Activations
 * are unsigned, weights in [-64, 64]: two products fit into 16 bits (255 · 64 · 2 = 32640), so that
 * no machine saturates. Sums are exact in 32 bits, and a result is
 *
 *     clamp(rint((float)sum * multiplier) + zero, low, 255)
 *
 * with one rounding of the product and ties to even. An operator's weights begin with a head of
 * four words: zero, low (zero where there is a ReLU). The input and poolings have a zero for every
 * channel instead, padded to whole quads, behind it, and the input 1 / scale of every channel. */

enum { CC_HEAD = 4, CC_QUAD = 4 };

#if defined(__clang__)
#define CC_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define CC_ROLLED _Pragma("GCC unroll 1")
#endif

static int32_t cc_quads(int32_t channels)
{
    return (channels + CC_QUAD - 1) / CC_QUAD;
}

/* Quads of all sources. */
static int32_t cc_depth(const cc_job *job)
{
    int32_t quads = 0;
    for (int32_t s = 0; s < job->spans; s++) quads += cc_quads(job->span[s].channels);
    return quads;
}

static const int32_t *cc_words(const cc_job *job)
{
    return (const int32_t *)(const void *)job->weights;
}

/* Four times the same byte. */
static int32_t cc_four(int32_t byte)
{
    return (int32_t)((uint32_t)byte * 0x01010101u);
}

/* The zero points of four channels, of an operator's words. */
static int32_t cc_zeros(const int32_t *words, const cc_op *op, int32_t channel)
{
    uint32_t word = 0;
    if (op->kind == CC_CONV || op->kind == CC_UP) return cc_four(words[0]);
    for (int32_t i = 0; i < CC_QUAD; i++) word |= (uint32_t)words[CC_HEAD + channel + i] << 8 * i;
    return (int32_t)word;
}

/* Zero points between the planes of a row: the padding of whatever reads it. */
static void cc_close_quads(const cc_job *job)
{
    const cc_op *op = job->op;
    int32_t *row = (int32_t *)(void *)job->out[0];
    for (int32_t c = 0; c < op->channels; c += CC_QUAD, row += op->pitch) {
        const int32_t word = cc_zeros(cc_words(job), op, c);
        for (int32_t x = op->width; x < op->pitch; x++) row[x] = word;
    }
}

/* What is done with sums: [bias][bias where activations are taken - 128][multiplier], behind the
 * weights. Biases take zero points back, so a transposed convolution has some for every tap. */
typedef struct {
    const int32_t *bias, *shifted;
    const float *multiplier;
    int32_t zero, low;
} cc_terms;

static cc_terms cc_terms_of(const cc_job *job)
{
    const cc_op *op = job->op;
    const size_t channels = (size_t)(CC_QUAD * cc_quads(op->channels)), taps = (size_t)op->kernel * op->kernel;
    const size_t biases = op->kind == CC_UP ? taps * channels : channels;
    const int32_t *end = cc_words(job) + CC_HEAD + (size_t)cc_depth(job) * taps * channels;
    return (cc_terms){end, end + biases, (const float *)(const void *)(end + 2 * biases), cc_words(job)[0],
                      cc_words(job)[1]};
}

/* The nearest whole number, ties to even, of what is clamped to where it can matter. NaN is the
 * least. Through memory, so that no compiler fuses the product with the addition. */
static int32_t cc_round(float value)
{
    const float shift = 12582912.0f; /* 1.5 · 2^23: the last bit is worth 1 */
    if (!(value > -512.0f)) value = -512.0f;
    if (value > 512.0f) value = 512.0f;
    __asm__("" : "+m"(value));
    value += shift;
    __asm__("" : "+m"(value));
    return (int32_t)(value - shift);
}

static uint8_t cc_to_byte(int32_t rounded, int32_t zero, int32_t low)
{
    const int32_t value = rounded + zero;
    return (uint8_t)(value < low ? low : value > 255 ? 255 : value);
}

/* ---- shapes that have no kernel of their own ---------------------------------------------- */
#ifdef CC_PLAIN8
static int32_t cc_plain_dot(const uint8_t *pixel, int32_t weights)
{
    int32_t sum = 0;
    for (int i = 0; i < CC_QUAD; i++) sum += pixel[i] * (int8_t)(uint8_t)((uint32_t)weights >> 8 * i);
    return sum;
}

/* The sum of output channel `m`, as `w` has it: [quad][ky][kx][4] words, one row of kernels of a
 * transposed convolution. */
static int32_t cc_plain_sum(const cc_job *job, const int32_t *w, int32_t x)
{
    const cc_op *op = job->op;
    const int32_t up = op->kind == CC_UP, reach = up ? 0 : op->kernel / 2;
    int32_t sum = 0;
    for (int32_t s = 0; s < job->spans; s++)
        for (int32_t c = 0; c < cc_quads(job->span[s].channels); c++)
            for (int32_t ky = 0; ky < (up ? 1 : op->kernel); ky++)
                for (int32_t kx = 0; kx < op->kernel; kx++, w += CC_QUAD) {
                    const ptrdiff_t at = up ? x / op->up : (ptrdiff_t)x * op->stride + kx - reach;
                    const uint8_t *row = (const uint8_t *)job->span[s].row[ky];
                    if (!up || kx == x % op->up)
                        sum += cc_plain_dot(row + CC_QUAD * (c * job->span[s].pitch + at), *w);
                }
    return sum;
}

static void cc_plain8(const cc_job *job)
{
    const cc_op *op = job->op;
    const int32_t *head = cc_words(job), up = op->kind == CC_UP;
    const size_t block = (size_t)cc_depth(job) * op->kernel * (up ? 1 : op->kernel) * CC_QUAD;
    const int32_t *w = head + CC_HEAD + (up ? (size_t)(job->row % op->up) * block * cc_quads(op->channels) : 0);
    const cc_terms terms = cc_terms_of(job);
    const int32_t channels = CC_QUAD * cc_quads(op->channels);
    for (int32_t m = 0; m < channels; m++) {
        const int32_t *from = w + (size_t)(m / CC_QUAD) * block + m % CC_QUAD;
        uint8_t *to = (uint8_t *)job->out[0] + CC_QUAD * (ptrdiff_t)(m / CC_QUAD) * op->pitch + m % CC_QUAD;
        for (int32_t x = 0; x < op->width; x++) {
            const int32_t tap = up ? job->row % op->up * op->up + x % op->up : 0;
            const int32_t sum = terms.bias[tap * channels + m] + cc_plain_sum(job, from, x);
            to[CC_QUAD * x] = cc_to_byte(cc_round((float)sum * terms.multiplier[m]), head[0], head[1]);
        }
    }
    cc_close_quads(job);
}

static void cc_plain_pool8(const cc_job *job)
{
    const cc_op *op = job->op;
    uint8_t *out = (uint8_t *)job->out[0];
    for (int32_t s = 0; s < job->spans; s++)
        for (int32_t c = 0; c < cc_quads(job->span[s].channels); c++, out += CC_QUAD * op->pitch)
            for (int32_t x = 0; x < CC_QUAD * op->width; x++) {
                const ptrdiff_t at = CC_QUAD * (c * job->span[s].pitch + (ptrdiff_t)(x / CC_QUAD) * op->stride) + x % CC_QUAD;
                uint8_t largest = 0;
                for (int32_t ky = 0; ky < op->stride; ky++)
                    for (int32_t kx = 0; kx < op->stride; kx++) {
                        const uint8_t value = ((const uint8_t *)job->span[s].row[ky])[at + CC_QUAD * kx];
                        if (value > largest) largest = value;
                    }
                out[x] = largest;
            }
    cc_close_quads(job);
}
#endif

/* ---- instruction sets -------------------------------------------------------------------- */

/* NOTE: sums are pinned after every product; of whole numbers gcc reorders additions, and keeps
 * all products in memory until the end. */

/* A set of kernels is made from: CC_VL lanes a vector; CC_NV4 and CC_NV8 vectors in a block of
 * four and of eight output channels (0: there are no blocks of eight), CC_NVUP in one of four of
 * a transposed convolution; CC_DATA, CC_WORD and CC_ACC: pixels, a word of weights for all lanes,
 * and sums, as the machine multiplies them; CC_VECTOR: 32-bit integers. CC_SHIFTED: activations
 * are taken - 128. CC_ROUND is of floats, CC_NARROW makes the bytes of four vectors of whole
 * numbers, lane by lane. */
#if CC_X86
/* Channels 0 and 2, then 1 and 3, for products of 16 bits. */
typedef struct {
    __m128i even, odd;
} cc_pair;
CC_INLINE cc_pair cc_load_sse2(const void *p)
{
    const __m128i d = _mm_loadu_si128((const __m128i *)p);
    return (cc_pair){_mm_and_si128(d, _mm_set1_epi16(255)), _mm_srli_epi16(d, 8)};
}
CC_INLINE cc_pair cc_word_sse2(int32_t word)
{
    const __m128i w = _mm_set1_epi32(word);
    return (cc_pair){_mm_srai_epi16(_mm_slli_epi16(w, 8), 8), _mm_srai_epi16(w, 8)};
}
CC_INLINE __m128i cc_dot_sse2(__m128i acc, cc_pair d, cc_pair w)
{
    const __m128i even = _mm_madd_epi16(d.even, w.even), odd = _mm_madd_epi16(d.odd, w.odd);
    acc = _mm_add_epi32(acc, _mm_add_epi32(even, odd));
    CC_PIN(acc);
    return acc;
}
CC_INLINE __m128i cc_narrow_sse2(__m128i a, __m128i b, __m128i c, __m128i d, int32_t zero, int32_t low)
{
    const __m128i zeros = _mm_set1_epi16((short)zero);
    __m128i all = _mm_packus_epi16(_mm_adds_epi16(_mm_packs_epi32(a, b), zeros),
                                   _mm_adds_epi16(_mm_packs_epi32(c, d), zeros));
    all = _mm_max_epu8(all, _mm_set1_epi8((char)low));
    all = _mm_unpacklo_epi8(all, _mm_srli_si128(all, 8));
    return _mm_unpacklo_epi8(all, _mm_srli_si128(all, 8));
}
#define CC_VL 4
#define CC_NV4 2
#define CC_FN(name) cc_##name##_sse2
#define CC_DATA cc_pair
#define CC_WORD cc_pair
#define CC_ACC __m128i
#define CC_LOAD8 cc_load_sse2
#define CC_SPREAD cc_word_sse2
#define CC_START _mm_set1_epi32
#define CC_DOT cc_dot_sse2
#define CC_KEEP(v) ((void)0)
#define CC_ROUND(v) _mm_cvtps_epi32((__m128)(v))
#define CC_NARROW cc_narrow_sse2
#define CC_MAX8(a, b) _mm_max_epu8((__m128i)(a), (__m128i)(b))
#include "ccnet.c"

#define CC_TRANSPOSE 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15

CC_TARGET("ssse3")
CC_INLINE __m128i cc_dot_ssse3(__m128i acc, __m128i d, __m128i w)
{
    acc = _mm_add_epi32(acc, _mm_madd_epi16(_mm_maddubs_epi16(d, w), _mm_set1_epi16(1)));
    CC_PIN(acc);
    return acc;
}
CC_INLINE __m128i cc_narrow_ssse3(__m128i a, __m128i b, __m128i c, __m128i d, int32_t zero, int32_t low)
{
    const __m128i zeros = _mm_set1_epi16((short)zero);
    const __m128i all = _mm_packus_epi16(_mm_adds_epi16(_mm_packs_epi32(a, b), zeros),
                                         _mm_adds_epi16(_mm_packs_epi32(c, d), zeros));
    return _mm_shuffle_epi8(_mm_max_epu8(all, _mm_set1_epi8((char)low)), _mm_setr_epi8(CC_TRANSPOSE));
}
#define CC_VL 4
#define CC_NV4 2
#define CC_FN(name) cc_##name##_ssse3
#define CC_DATA __m128i
#define CC_LOAD8(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define CC_SPREAD _mm_set1_epi32
#define CC_DOT cc_dot_ssse3
#define CC_ROUND(v) _mm_cvtps_epi32((__m128)(v))
#define CC_NARROW cc_narrow_ssse3
#define CC_MAX8(a, b) _mm_max_epu8((__m128i)(a), (__m128i)(b))
#include "ccnet.c"
CC_TARGET_END

CC_TARGET("avx2,fma")
CC_INLINE __m256i cc_dot_avx2(__m256i acc, __m256i d, __m256i w)
{
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(d, w), _mm256_set1_epi16(1)));
    CC_PIN(acc);
    return acc;
}
CC_INLINE __m256i cc_narrow_avx2(__m256i a, __m256i b, __m256i c, __m256i d, int32_t zero, int32_t low)
{
    const __m256i zeros = _mm256_set1_epi16((short)zero);
    const __m256i all = _mm256_packus_epi16(_mm256_adds_epi16(_mm256_packs_epi32(a, b), zeros),
                                            _mm256_adds_epi16(_mm256_packs_epi32(c, d), zeros));
    return _mm256_shuffle_epi8(_mm256_max_epu8(all, _mm256_set1_epi8((char)low)),
                               _mm256_broadcastsi128_si256(_mm_setr_epi8(CC_TRANSPOSE)));
}
#define CC_VL 8
#define CC_NV4 2
#define CC_FN(name) cc_##name##_avx2
#define CC_DATA __m256i
#define CC_LOAD8(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define CC_SPREAD _mm256_set1_epi32
#define CC_DOT cc_dot_avx2
#define CC_ROUND(v) _mm256_cvtps_epi32((__m256)(v))
#define CC_NARROW cc_narrow_avx2
#define CC_MAX8(a, b) _mm256_max_epu8((__m256i)(a), (__m256i)(b))
#include "ccnet.c"
CC_TARGET_END

CC_TARGET("avx512f,avx512bw,avx512dq,avx512vl,fma")
CC_INLINE __m512i cc_dot_avx512(__m512i acc, __m512i d, __m512i w)
{
    acc = _mm512_add_epi32(acc, _mm512_madd_epi16(_mm512_maddubs_epi16(d, w), _mm512_set1_epi16(1)));
    CC_PIN(acc);
    return acc;
}
CC_INLINE __m512i cc_narrow_avx512(__m512i a, __m512i b, __m512i c, __m512i d, int32_t zero, int32_t low)
{
    const __m512i zeros = _mm512_set1_epi16((short)zero);
    const __m512i all = _mm512_packus_epi16(_mm512_adds_epi16(_mm512_packs_epi32(a, b), zeros),
                                            _mm512_adds_epi16(_mm512_packs_epi32(c, d), zeros));
    return _mm512_shuffle_epi8(_mm512_max_epu8(all, _mm512_set1_epi8((char)low)),
                               _mm512_broadcast_i32x4(_mm_setr_epi8(CC_TRANSPOSE)));
}
#define CC_VL 16
#define CC_NV4 4
#define CC_NV8 2
#define CC_NVUP 2
#define CC_FN(name) cc_##name##_avx512
#define CC_DATA __m512i
#define CC_LOAD8(p) _mm512_loadu_si512(p)
#define CC_SPREAD _mm512_set1_epi32
#define CC_DOT cc_dot_avx512
#define CC_ROUND(v) _mm512_cvtps_epi32((__m512)(v))
#define CC_NARROW cc_narrow_avx512
#define CC_MAX8(a, b) _mm512_max_epu8((__m512i)(a), (__m512i)(b))
#include "ccnet.c"
CC_TARGET_END

CC_TARGET("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")
/* NOTE: in assembler; of the intrinsic gcc makes copies of sums and keeps some in memory. */
CC_INLINE __m512i cc_dot_vnni(__m512i acc, __m512i d, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(d), "v"(w));
    return acc;
}
#define CC_VL 16
#define CC_NV4 4
#define CC_NV8 3
#define CC_NVUP 2
#define CC_FN(name) cc_##name##_vnni
#define CC_DATA __m512i
#define CC_LOAD8(p) _mm512_loadu_si512(p)
#define CC_SPREAD _mm512_set1_epi32
#define CC_DOT cc_dot_vnni
#define CC_ROUND(v) _mm512_cvtps_epi32((__m512)(v))
#define CC_NARROW cc_narrow_avx512
#define CC_MAX8(a, b) _mm512_max_epu8((__m512i)(a), (__m512i)(b))
#include "ccnet.c"
CC_TARGET_END

#elif CC_NEON
CC_INLINE int32x4_t cc_round_neon(float32x4_t v)
{
#ifdef __aarch64__
    return vcvtnq_s32_f32(v);
#else
    v = vminq_f32(vmaxq_f32(v, vdupq_n_f32(-512.0f)), vdupq_n_f32(512.0f));
    __asm__("" : "+w"(v));
    v = vaddq_f32(v, vdupq_n_f32(12582912.0f));
    return vsubq_s32(vreinterpretq_s32_f32(v), vdupq_n_s32(0x4b400000));
#endif
}
CC_INLINE int32x4_t cc_narrow_neon(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, int32_t zero,
                                   int32_t low)
{
    const int16x8_t zeros = vdupq_n_s16((int16_t)zero);
    const uint8x8_t lows = vdup_n_u8((uint8_t)low);
    const int16x8_t ab = vqaddq_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)), zeros);
    const int16x8_t cd = vqaddq_s16(vcombine_s16(vqmovn_s32(c), vqmovn_s32(d)), zeros);
    const uint8x8x2_t once = vzip_u8(vmax_u8(vqmovun_s16(ab), lows), vmax_u8(vqmovun_s16(cd), lows));
    const uint8x8x2_t twice = vzip_u8(once.val[0], once.val[1]);
    return vreinterpretq_s32_u8(vcombine_u8(twice.val[0], twice.val[1]));
}
CC_INLINE int8x16_t cc_load_neon(const void *p)
{
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p), vdupq_n_u8(128)));
}
/* Sums of channels 0, 1 and of channels 2, 3. */
CC_INLINE int32x4x2_t cc_start_neon(int32_t bias)
{
    const int32x4_t first = {bias, 0, bias, 0};
    return (int32x4x2_t){{first, first}};
}
CC_INLINE int32x4x2_t cc_dot_neon(int32x4x2_t acc, int8x16_t d, int8x8_t w)
{
    acc.val[0] = vpadalq_s16(acc.val[0], vmull_s8(vget_low_s8(d), w));
    acc.val[1] = vpadalq_s16(acc.val[1], vmull_s8(vget_high_s8(d), w));
    return acc;
}
/* Three products of 128 · 64 fit into 16 bits. */
CC_INLINE int32x4x2_t cc_dot3_neon(int32x4x2_t acc, const int8x16_t *d, const int8x8_t *w)
{
    int16x8_t low = vmull_s8(vget_low_s8(d[0]), w[0]), high = vmull_s8(vget_high_s8(d[0]), w[0]);
    low = vmlal_s8(vmlal_s8(low, vget_low_s8(d[1]), w[1]), vget_low_s8(d[2]), w[2]);
    high = vmlal_s8(vmlal_s8(high, vget_high_s8(d[1]), w[1]), vget_high_s8(d[2]), w[2]);
    acc.val[0] = vpadalq_s16(acc.val[0], low);
    acc.val[1] = vpadalq_s16(acc.val[1], high);
    return acc;
}
CC_INLINE int32x4_t cc_sum_neon(int32x4x2_t acc)
{
#ifdef __aarch64__
    return vpaddq_s32(acc.val[0], acc.val[1]);
#else
    return vcombine_s32(vpadd_s32(vget_low_s32(acc.val[0]), vget_high_s32(acc.val[0])),
                        vpadd_s32(vget_low_s32(acc.val[1]), vget_high_s32(acc.val[1])));
#endif
}
#define CC_VL 4
#define CC_NV4 2
#define CC_SHIFTED 1
#define CC_FN(name) cc_##name##_neon
#define CC_DATA int8x16_t
#define CC_WORD int8x8_t
#define CC_ACC int32x4x2_t
#define CC_VECTOR int32x4_t
#define CC_LOAD8 cc_load_neon
#define CC_SPREAD(word) vreinterpret_s8_s32(vdup_n_s32(word))
#define CC_START cc_start_neon
#define CC_DOT cc_dot_neon
#define CC_DOT3 cc_dot3_neon
#define CC_SUM cc_sum_neon
#define CC_KEEP(v) ((void)0)
#define CC_ROUND(v) cc_round_neon((float32x4_t)(v))
#define CC_NARROW cc_narrow_neon
#define CC_MAX8(a, b) vmaxq_u8((uint8x16_t)(a), (uint8x16_t)(b))
#include "ccnet.c"

#if defined(__aarch64__) && (defined(__ARM_FEATURE_DOTPROD) || defined(__linux__))
#define CC_DOTPROD 1
#ifndef __ARM_FEATURE_DOTPROD
#include <sys/auxv.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif
#endif
/* NOTE: in assembler, since clang 14 has no intrinsic where the whole file is for older machines. */
CC_INLINE int32x4_t cc_dot_dotprod(int32x4_t acc, int8x16_t d, int8x16_t w)
{
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(acc) : "w"(d), "w"(w));
    return acc;
}
#define CC_VL 4
#define CC_NV4 4
#define CC_NV8 2
#define CC_NVUP 2
#define CC_SHIFTED 1
#define CC_FN(name) cc_##name##_dotprod
#define CC_DATA int8x16_t
#define CC_WORD int8x16_t
#define CC_ACC int32x4_t
#define CC_LOAD8 cc_load_neon
#define CC_SPREAD(word) vreinterpretq_s8_s32(vdupq_n_s32(word))
#define CC_START vdupq_n_s32
#define CC_DOT cc_dot_dotprod
#define CC_KEEP(v) ((void)0)
#define CC_ROUND(v) cc_round_neon((float32x4_t)(v))
#define CC_NARROW cc_narrow_neon
#define CC_MAX8(a, b) vmaxq_u8((uint8x16_t)(a), (uint8x16_t)(b))
#include "ccnet.c"
#ifndef __ARM_FEATURE_DOTPROD
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#endif

#elif CC_WASM
typedef struct {
    v128_t even, odd;
} cc_pair;
CC_INLINE cc_pair cc_load_wasm(const void *p)
{
    const v128_t d = wasm_v128_load(p);
    return (cc_pair){wasm_v128_and(d, wasm_i16x8_const_splat(255)), wasm_u16x8_shr(d, 8)};
}
CC_INLINE cc_pair cc_word_wasm(int32_t word)
{
    const v128_t w = wasm_i32x4_splat(word);
    return (cc_pair){wasm_i16x8_shr(wasm_i16x8_shl(w, 8), 8), wasm_i16x8_shr(w, 8)};
}
CC_INLINE v128_t cc_dot_wasm(v128_t acc, cc_pair d, cc_pair w)
{
    const v128_t even = wasm_i32x4_dot_i16x8(d.even, w.even), odd = wasm_i32x4_dot_i16x8(d.odd, w.odd);
    return wasm_i32x4_add(acc, wasm_i32x4_add(even, odd));
}
CC_INLINE v128_t cc_narrow_wasm(v128_t a, v128_t b, v128_t c, v128_t d, int32_t zero, int32_t low)
{
    const v128_t zeros = wasm_i16x8_splat((int16_t)zero);
    v128_t all = wasm_u8x16_narrow_i16x8(wasm_i16x8_add_sat(wasm_i16x8_narrow_i32x4(a, b), zeros),
                                         wasm_i16x8_add_sat(wasm_i16x8_narrow_i32x4(c, d), zeros));
    all = wasm_u8x16_max(all, wasm_i8x16_splat((int8_t)low));
    return wasm_i8x16_shuffle(all, all, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}
#define CC_VL 4
#define CC_NV4 2
#define CC_FN(name) cc_##name##_wasm
#define CC_DATA cc_pair
#define CC_WORD cc_pair
#define CC_ACC v128_t
#define CC_LOAD8 cc_load_wasm
#define CC_SPREAD cc_word_wasm
#define CC_START wasm_i32x4_splat
#define CC_DOT cc_dot_wasm
#define CC_KEEP(v) ((void)0)
#define CC_ROUND(v) wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest((v128_t)(v)))
#define CC_NARROW cc_narrow_wasm
#define CC_MAX8(a, b) wasm_u8x16_max((v128_t)(a), (v128_t)(b))
#include "ccnet.c"

#else
typedef int32_t cc_lanes __attribute__((vector_size(16)));
typedef float cc_floats __attribute__((vector_size(16)));
typedef uint8_t cc_bytes __attribute__((vector_size(16)));
typedef struct {
    int8_t at[4];
} cc_four_weights;
CC_INLINE cc_bytes cc_load_c(const void *p)
{
    cc_bytes d;
    __builtin_memcpy(&d, p, sizeof d);
    return d;
}
CC_INLINE cc_four_weights cc_word_c(int32_t word)
{
    cc_four_weights w;
    for (int i = 0; i < 4; i++) w.at[i] = (int8_t)(uint8_t)((uint32_t)word >> 8 * i);
    return w;
}
CC_INLINE cc_lanes cc_start_c(int32_t bias)
{
    return (cc_lanes){bias, bias, bias, bias};
}
CC_INLINE cc_lanes cc_dot_c(cc_lanes acc, cc_bytes d, cc_four_weights w)
{
    const cc_lanes lanes = (cc_lanes)d;
    for (int i = 0; i < 4; i++) acc += (lanes >> 8 * i & 255) * (int32_t)w.at[i];
    return acc;
}
CC_INLINE cc_lanes cc_round_c(cc_floats v)
{
    cc_lanes rounded;
    for (int i = 0; i < 4; i++) rounded[i] = cc_round(v[i]);
    return rounded;
}
CC_INLINE cc_lanes cc_narrow_c(cc_lanes a, cc_lanes b, cc_lanes c, cc_lanes d, int32_t zero, int32_t low)
{
    cc_lanes all;
    for (int i = 0; i < 4; i++)
        all[i] = (int32_t)((uint32_t)cc_to_byte(a[i], zero, low) | (uint32_t)cc_to_byte(b[i], zero, low) << 8 |
                           (uint32_t)cc_to_byte(c[i], zero, low) << 16 | (uint32_t)cc_to_byte(d[i], zero, low) << 24);
    return all;
}
CC_INLINE cc_bytes cc_max_c(cc_bytes a, cc_bytes b)
{
    const cc_bytes larger = (cc_bytes)(a > b);
    return (a & larger) | (b & ~larger);
}
#define CC_VL 4
#define CC_NV4 1
#define CC_FN(name) cc_##name##_c
#define CC_DATA cc_bytes
#define CC_WORD cc_four_weights
#define CC_ACC cc_lanes
#define CC_VECTOR cc_lanes
#define CC_LOAD8 cc_load_c
#define CC_SPREAD cc_word_c
#define CC_START cc_start_c
#define CC_DOT cc_dot_c
#define CC_KEEP(v) ((void)0)
#define CC_ROUND(v) cc_round_c(v)
#define CC_NARROW cc_narrow_c
#define CC_MAX8(a, b) cc_max_c((cc_bytes)(a), (cc_bytes)(b))
#include "ccnet.c"
#endif

#if CC_X86
#define CC_MACHINES8 5
#elif CC_DOTPROD
#define CC_MACHINES8 2
#else
#define CC_MACHINES8 1
#endif

/* The i-th instruction set, best first; whether this machine has it. */
static int cc_machine8_at(int i, const char **name, const cc_kernels **kernels)
{
    static const struct {
        const char *name;
        const cc_kernels *kernels;
    } all[CC_MACHINES8] = {
#if CC_X86
        {"vnni", &cc_kernels_vnni}, {"avx512", &cc_kernels_avx512}, {"avx2", &cc_kernels_avx2},
        {"ssse3", &cc_kernels_ssse3}, {"sse2", &cc_kernels_sse2}
#elif CC_NEON
#if CC_DOTPROD
        {"dotprod", &cc_kernels_dotprod},
#endif
        {"neon", &cc_kernels_neon}
#elif CC_WASM
        {"wasm", &cc_kernels_wasm}
#else
        {"c", &cc_kernels_c}
#endif
    };
    *name = all[i].name;
    *kernels = all[i].kernels;
#if CC_X86
    if (i < 2)
        return (i || __builtin_cpu_supports("avx512vnni")) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    if (i == 2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return i == 3 ? __builtin_cpu_supports("ssse3") : 1;
#elif CC_DOTPROD && !defined(__ARM_FEATURE_DOTPROD)
    return i ? 1 : (getauxval(AT_HWCAP) >> 20 & 1) != 0; /* HWCAP_ASIMDDP */
#else
    return 1;
#endif
}

/* ---- the input, and what surrounds rows --------------------------------------------------- */

static float cc_normal(uint32_t sample, int format, int32_t channel);

static const int32_t *cc_words8(const uint8_t *weights, const cc_op *op)
{
    return (const int32_t *)(const void *)weights + op->weights;
}

/* Zeros and 1 / scale of the input's channels. */
typedef struct {
    const int32_t *zero;
    const float *inverse;
} cc_levels;

static cc_levels cc_levels_of(const uint8_t *weights, const cc_op *op)
{
    const int32_t *zero = cc_words8(weights, op) + CC_HEAD;
    return (cc_levels){zero, (const float *)(const void *)(zero + CC_QUAD * cc_quads(op->channels))};
}

static uint32_t cc_quantised(float value, cc_levels levels, int32_t channel)
{
    return cc_to_byte(cc_round(value * levels.inverse[channel]), levels.zero[channel], 0);
}

/* [C][256]: what an 8-bit sample becomes, at its place in the quad; they were floats before. */
static void cc_quantise_table(float *table, const uint8_t *weights)
{
    cc_levels levels = {0, 0};
    for (int32_t i = 0; i < CC_OPS; i++)
        if (CC_NETWORK[i].kind == CC_NORMALISE) levels = cc_levels_of(weights, &CC_NETWORK[i]);
    for (int32_t i = 0; levels.zero && i < 256 * CCNET_CHANNELS; i++) {
        const uint32_t word = cc_quantised(table[i], levels, i / 256) << 8 * (i / 256 % CC_QUAD);
        __builtin_memcpy(table + i, &word, sizeof word);
    }
}

CC_INLINE void cc_look_up(const uint8_t *from, const uint32_t (*table)[256], int32_t width, uint32_t *out, const int count)
{
    for (int32_t x = 0; x < width; x++, from += CCNET_CHANNELS) {
        uint32_t word = table[0][from[0]];
        CC_UNROLL for (int i = 1; i < count; i++) word |= table[i][from[i]];
        out[x] = word;
    }
}

static void cc_quantise_floats(const cc_kernels *kernels, const float *const *planes, int32_t count, int32_t width,
                               cc_levels levels, int32_t *out)
{
    if (width >= 16) {
        kernels->quantise(planes, count, width, levels.zero, levels.inverse, out);
        return;
    }
    for (int32_t x = 0; x < width; x++) {
        uint32_t word = 0;
        for (int32_t c = 0; c < count; c++) word |= cc_quantised(planes[c][x], levels, c) << 8 * c;
        out[x] = (int32_t)word;
    }
}

/* A row of the image, as `from` has it. */
static void cc_quantise(const cc_kernels *kernels, const cc_op *op, const ccnet_image *image, const uint8_t *from,
                        const uint8_t *weights, const float *table, float *row)
{
    const cc_levels levels = cc_levels_of(weights, op);
    int32_t *out = (int32_t *)(void *)row;
    for (int32_t c = 0; c < op->channels; c += CC_QUAD, out += op->pitch) {
        const int32_t count = op->channels - c < CC_QUAD ? op->channels - c : CC_QUAD;
        if (image->format == CCNET_F32) {
            const float *planes[CC_QUAD];
            for (int32_t i = 0; i < count; i++)
                planes[i] = (const float *)(const void *)(from + (size_t)(c + i) * image->plane_bytes);
            cc_quantise_floats(kernels, planes, count, op->width, (cc_levels){levels.zero + c, levels.inverse + c}, out);
        } else if (image->format == CCNET_U16) {
            const uint16_t *p = (const uint16_t *)(const void *)from + c;
            for (int32_t x = 0; x < op->width; x++, p += CCNET_CHANNELS) {
                uint32_t word = 0;
                for (int32_t i = 0; i < count; i++)
                    word |= cc_quantised(cc_normal(p[i], CCNET_U16, c + i), levels, c + i) << 8 * i;
                out[x] = (int32_t)word;
            }
        } else {
            const uint32_t (*look)[256] = (const uint32_t (*)[256])(const void *)(table + 256 * c);
            switch (count) {
            case 1: cc_look_up(from + c, look, op->width, (uint32_t *)out, 1); break;
            case 2: cc_look_up(from + c, look, op->width, (uint32_t *)out, 2); break;
            case 3: cc_look_up(from + c, look, op->width, (uint32_t *)out, 3); break;
            default: cc_look_up(from + c, look, op->width, (uint32_t *)out, 4);
            }
        }
        for (int32_t x = op->width; x < op->pitch; x++) out[x] = cc_zeros(cc_words8(weights, op), op, c);
    }
}

/* A row of zero points, and `lead` bytes before it of those of its first quad. */
static void cc_fill_row(uint8_t *to, const cc_op *op, const uint8_t *weights, int32_t lead)
{
    int32_t *row = (int32_t *)(void *)to;
    for (int32_t c = 0; c < op->channels; c += CC_QUAD, row += op->pitch, lead = 0) {
        const int32_t word = cc_zeros(cc_words8(weights, op), op, c);
        for (int32_t x = -lead / CC_QUAD; x < op->pitch; x++) row[x] = word;
    }
}

/* What stands before and in rings, and the rows above and below images: zero points. */
static void cc_pad(uint8_t *base, const uint8_t *weights)
{
    for (int32_t i = 0; i < CC_OPS - 1; i++) {
        const cc_op *op = &CC_NETWORK[i];
        if (op->kind == CC_IMAGE) continue;
        /* The whole ring: a band's first row may be any of its slots. */
        for (int32_t row = 0; row < op->rows; row++)
            cc_fill_row(base + op->ring + (size_t)row * op->row_bytes, op, weights, row ? 0 : CC_LEAD);
        if (CC_PADS[i]) cc_fill_row(base + CC_PADS[i], op, weights, CC_LEAD);
    }
}
