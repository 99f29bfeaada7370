/* The int8 kernels, included once for every instruction set; int8.c says what a set defines, how
 * rows lie and what is computed.
 *
 * As in fp32, vectors run along a row and weights are broadcast; a block is four or eight output
 * channels by a few vectors. Four channels leave in one store. */

/* What most sets have in common. */
#ifndef CC_NV8
#define CC_NV8 0
#endif
#ifndef CC_NVUP
#define CC_NVUP 1
#endif
#ifndef CC_SHIFTED
#define CC_SHIFTED 0
#endif
#ifndef CC_WORD
#define CC_WORD CC_DATA
#endif
#ifndef CC_ACC
#define CC_ACC CC_DATA
#endif
#ifndef CC_VECTOR
#define CC_VECTOR CC_ACC
#endif
#ifndef CC_START
#define CC_START CC_SPREAD
#endif
#ifndef CC_SUM
#define CC_SUM(acc) (acc)
#endif
#ifndef CC_KEEP
#define CC_KEEP(v) CC_PIN(v)
#endif

typedef int32_t CC_FN(vi) __attribute__((vector_size(CC_VL * 4)));
typedef int32_t CC_FN(viu) __attribute__((vector_size(CC_VL * 4), aligned(4), may_alias));
typedef float CC_FN(vf) __attribute__((vector_size(CC_VL * 4)));
typedef float CC_FN(vfu) __attribute__((vector_size(CC_VL * 4), aligned(4), may_alias));
#define VI CC_FN(vi)
#define VF CC_FN(vf)
#define STORE(p, v) (*(CC_FN(viu) *)(void *)(p) = (VI)(v))
#define PICK(a, b, ...) __builtin_shufflevector((VI)(a), (VI)(b), __VA_ARGS__)
#define BIAS(terms) (CC_SHIFTED ? (terms)->shifted : (terms)->bias)

/* float(sum) · multiplier. */
CC_INLINE VF CC_FN(scaled)(CC_ACC acc, float multiplier)
{
    return __builtin_convertvector((VI)CC_SUM(acc), VF) * multiplier;
}

/* Four channels of sums as bytes. */
CC_INLINE VI CC_FN(bytes)(const CC_ACC *acc, const cc_terms *terms, int32_t m)
{
    const float *multiplier = terms->multiplier + m;
    return (VI)CC_NARROW(CC_ROUND(CC_FN(scaled)(acc[0], multiplier[0])),
                         CC_ROUND(CC_FN(scaled)(acc[1], multiplier[1])),
                         CC_ROUND(CC_FN(scaled)(acc[2], multiplier[2])),
                         CC_ROUND(CC_FN(scaled)(acc[3], multiplier[3])), terms->zero, terms->low);
}

/* One row of the kernels of four input channels: K taps. `next` words are from the weights of four
 * output channels to those of the next four. */
CC_INLINE void CC_FN(taps)(const uint8_t *row, const int32_t *w, size_t next, CC_ACC (*acc)[8], const int K,
                           const int MR, const int NV)
{
#ifdef CC_DOT3
    if (K == 3) {
        CC_DATA d[4][3];
        CC_UNROLL for (int v = 0; v < NV; v++)
            CC_UNROLL for (int kx = 0; kx < 3; kx++) d[v][kx] = CC_LOAD8(row + CC_QUAD * (kx + v * CC_VL));
        CC_UNROLL for (int m = 0; m < MR; m++) {
            CC_WORD word[3];
            CC_UNROLL for (int kx = 0; kx < 3; kx++) word[kx] = CC_SPREAD(w[CC_QUAD * kx + m]);
            CC_UNROLL for (int v = 0; v < NV; v++) acc[v][m] = CC_DOT3(acc[v][m], d[v], word);
        }
        return;
    }
#endif
    CC_UNROLL for (int kx = 0; kx < K; kx++, w += CC_QUAD) {
        CC_DATA d[4];
        CC_UNROLL for (int v = 0; v < NV; v++) {
            d[v] = CC_LOAD8(row + CC_QUAD * (kx + v * CC_VL));
            CC_KEEP(d[v]);
        }
        CC_UNROLL for (int m = 0; m < MR; m++) {
            CC_WORD word = CC_SPREAD(w[m < 4 ? (size_t)m : next + m - 4]);
            CC_KEEP(word);
            CC_UNROLL for (int v = 0; v < NV; v++) acc[v][m] = CC_DOT(acc[v][m], d[v], word);
        }
    }
}

/* Sums of columns [x, x + NV·VL) of MR output channels: K×K, stride 1, any number of sources. */
CC_INLINE void CC_FN(sums)(const cc_job *job, const int32_t *w, size_t next, const int32_t *bias,
                           CC_ACC (*acc)[8], int32_t x, const int K, const int MR, const int NV)
{
    CC_UNROLL for (int m = 0; m < MR; m++)
        CC_UNROLL for (int v = 0; v < NV; v++) acc[v][m] = CC_START(bias[m]);
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        const int32_t quads = cc_quads(span->channels);
        ptrdiff_t at = CC_QUAD * (ptrdiff_t)(x - K / 2);
        for (int32_t c = 0; c < quads; c++, at += CC_QUAD * span->pitch) {
            if (K <= 3) {
                CC_UNROLL_ROWS for (int ky = 0; ky < K; ky++, w += CC_QUAD * K)
                    CC_FN(taps)((const uint8_t *)span->row[ky] + at, w, next, acc, K, MR, NV);
            } else {
                /* NOTE: unrolled as well, these take compilers minutes. */
                CC_ROLLED for (int ky = 0; ky < K; ky++, w += CC_QUAD * K)
                    CC_FN(taps)((const uint8_t *)span->row[ky] + at, w, next, acc, K, MR, NV);
            }
        }
    }
}

CC_INLINE void CC_FN(conv_tile)(const cc_job *job, const cc_terms *terms, const int32_t *w, size_t next,
                                int32_t m, uint8_t *out, int32_t x, const int K, const int MR, const int NV)
{
    const ptrdiff_t plane = CC_QUAD * (ptrdiff_t)job->op->pitch;
    CC_ACC acc[4][8];
    CC_FN(sums)(job, w, next, BIAS(terms) + m, acc, x, K, MR, NV);
    CC_UNROLL for (int i = 0; i < MR; i += 4)
        CC_UNROLL for (int v = 0; v < NV; v++)
            STORE(out + (i / 4) * plane + CC_QUAD * (x + v * CC_VL),
                  CC_FN(bytes)(&acc[v][i], terms, m + i));
}

/* A whole row of one block. The last columns are computed again where whole vectors do not end at
 * the row's end. */
CC_INLINE void CC_FN(conv_block)(const cc_job *job, const cc_terms *terms, const int32_t *w, size_t next,
                                 int32_t m, uint8_t *out, const int K, const int MR, const int NV)
{
    const int32_t width = job->op->width, last = width - CC_VL;
    int32_t x = 0;
    for (; x + NV * CC_VL <= width; x += NV * CC_VL) CC_FN(conv_tile)(job, terms, w, next, m, out, x, K, MR, NV);
    if (NV > 2)
        for (; x + 2 * CC_VL <= width; x += 2 * CC_VL) CC_FN(conv_tile)(job, terms, w, next, m, out, x, K, MR, 2);
    if (NV > 1)
        for (; x < width; x += CC_VL)
            CC_FN(conv_tile)(job, terms, w, next, m, out, x > last && last > 0 ? last : x, K, MR, 1);
    else if (x < width)
        CC_FN(conv_tile)(job, terms, w, next, m, out, last > 0 ? last : x, K, MR, 1);
}

#define CC_CASE(K) \
    static void CC_FN(conv_##K)(const cc_job *job, const cc_terms *terms, const int32_t *w, size_t next, \
                                int32_t m, uint8_t *out, int eight) \
    { \
        if (CC_NV8 && eight) \
            CC_FN(conv_block)(job, terms, w, next, m, out, K, 8, CC_NV8); \
        else \
            CC_FN(conv_block)(job, terms, w, next, m, out, K, 4, CC_NV4); \
    }
CC_CONV_CASES(CC_CASE)
#undef CC_CASE

/* Logits: the sums themselves, as floats in planes. */
CC_INLINE void CC_FN(logit_tile)(const cc_job *job, const cc_terms *terms, const int32_t *w, int32_t m,
                                 int32_t x, const int K, const int MR, const int NV)
{
    CC_ACC acc[4][8];
    CC_FN(sums)(job, w, 0, BIAS(terms) + m, acc, x, K, MR, NV);
    CC_UNROLL for (int i = 0; i < MR; i++)
        CC_UNROLL for (int v = 0; v < NV; v++)
            *(CC_FN(vfu) *)(job->out[0] + (m + i) * (ptrdiff_t)job->op->pitch + x + v * CC_VL) =
                CC_FN(scaled)(acc[v][i], terms->multiplier[m + i]);
}

#define CC_CASE(K, MR) \
    static void CC_FN(logits_##K##_##MR)(const cc_job *job, const cc_terms *terms, const int32_t *w, int32_t m) \
    { \
        const int32_t width = job->op->width, last = width - CC_VL; \
        int32_t x = 0; \
        for (; x + CC_NV4 * CC_VL <= width; x += CC_NV4 * CC_VL) \
            CC_FN(logit_tile)(job, terms, w, m, x, K, MR, CC_NV4); \
        for (; x < width; x += CC_VL) \
            CC_FN(logit_tile)(job, terms, w, m, x > last && last > 0 ? last : x, K, MR, 1); \
    }
CC_LOGITS(CC_CASE)
#undef CC_CASE

static void CC_FN(logits)(const cc_job *job)
{
    const cc_op *op = job->op;
    const cc_terms terms = cc_terms_of(job);
    const int32_t *w = cc_words(job) + CC_HEAD;
    for (int32_t m = 0; m < op->channels; m += CC_QUAD) {
        switch (op->kernel * 16 + (op->channels - m < CC_QUAD ? op->channels - m : CC_QUAD)) {
#define CC_CASE(K, MR) case K * 16 + MR: CC_FN(logits_##K##_##MR)(job, &terms, w, m); break;
            CC_LOGITS(CC_CASE)
#undef CC_CASE
        }
        w += (size_t)cc_depth(job) * op->kernel * op->kernel * CC_QUAD;
    }
}

static void CC_FN(conv)(const cc_job *job)
{
    const cc_op *op = job->op;
    const int32_t quads = cc_quads(op->channels);
    const size_t next = (size_t)cc_depth(job) * op->kernel * op->kernel * CC_QUAD;
    const int32_t *w = cc_words(job) + CC_HEAD;
    const cc_terms terms = cc_terms_of(job);
    uint8_t *out = (uint8_t *)job->out[0];
    (void)out, (void)w, (void)terms;
    if (op == &CC_NETWORK[CC_OPS - 1]) {
        CC_FN(logits)(job);
        return;
    }
#ifdef CC_PLAIN8
    if (op->stride != 1) {
        cc_plain8(job);
        return;
    }
#endif
    for (int32_t q = 0, step; q < quads; q += step) {
        step = CC_NV8 && q + 1 < quads ? 2 : 1;
        switch (op->kernel) {
#define CC_CASE(K) case K: CC_FN(conv_##K)(job, &terms, w, next, CC_QUAD * q, out, step == 2); break;
            CC_CONV_CASES(CC_CASE)
#undef CC_CASE
        }
        w += step * next;
        out += step * CC_QUAD * (ptrdiff_t)op->pitch;
    }
    cc_close_quads(job);
}

/* Transposed convolution, kernel and stride 2: two output columns from each of the source's. */
CC_INLINE void CC_FN(up_tile)(const cc_job *job, const cc_terms *terms, const int32_t *w, int32_t m,
                              uint8_t *out, int32_t x, int32_t count, const int NV)
{
    const int32_t channels = CC_QUAD * cc_quads(job->op->channels);
    const int32_t *bias = BIAS(terms) + (job->row % 2) * 2 * channels + m;
    CC_ACC acc[2][2][4];
    CC_UNROLL for (int kx = 0; kx < 2; kx++)
        CC_UNROLL for (int i = 0; i < 4; i++)
            CC_UNROLL for (int v = 0; v < NV; v++) acc[v][kx][i] = CC_START(bias[kx * channels + i]);
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        const uint8_t *row = (const uint8_t *)span->row[0] + CC_QUAD * (ptrdiff_t)x;
        for (int32_t c = 0; c < cc_quads(span->channels); c++, row += CC_QUAD * (ptrdiff_t)span->pitch) {
            CC_DATA d[2];
            CC_UNROLL for (int v = 0; v < NV; v++) {
                d[v] = CC_LOAD8(row + v * CC_QUAD * CC_VL);
                CC_KEEP(d[v]);
            }
            CC_UNROLL for (int kx = 0; kx < 2; kx++, w += CC_QUAD)
                CC_UNROLL for (int i = 0; i < 4; i++) {
                    CC_WORD word = CC_SPREAD(w[i]);
                    CC_KEEP(word);
                    CC_UNROLL for (int v = 0; v < NV; v++) acc[v][kx][i] = CC_DOT(acc[v][kx][i], d[v], word);
                }
        }
    }
    CC_UNROLL for (int v = 0; v < NV; v++) {
        const VI left = CC_FN(bytes)(acc[v][0], terms, m);
        const VI right = CC_FN(bytes)(acc[v][1], terms, m);
        const VI low = PICK(left, right, LOWS), high = PICK(left, right, HIGHS);
        int32_t *to = (int32_t *)(void *)out + 2 * (x + v * CC_VL);
        if (count >= CC_VL) {
            STORE(to, low);
            STORE(to + CC_VL, high);
        } else {
            int32_t both[2 * CC_VL];
            STORE(both, low);
            STORE(both + CC_VL, high);
            for (int32_t i = 0; i < 2 * count; i++) to[i] = both[i];
        }
    }
}

static void CC_FN(up)(const cc_job *job)
{
    const cc_op *op = job->op;
    const int32_t width = op->width / 2, quads = cc_quads(op->channels), last = width - CC_VL;
    const size_t next = (size_t)cc_depth(job) * 2 * CC_QUAD;
    const int32_t *w = cc_words(job) + CC_HEAD + (size_t)(job->row % 2) * next * quads;
    const cc_terms terms = cc_terms_of(job);
    uint8_t *out = (uint8_t *)job->out[0];
#ifdef CC_PLAIN8
    if (op->up != 2) {
        cc_plain8(job);
        return;
    }
#endif
    for (int32_t q = 0; q < quads; q++, w += next, out += CC_QUAD * (ptrdiff_t)op->pitch) {
        int32_t x = 0;
        if (CC_NVUP > 1)
            for (; x + CC_NVUP * CC_VL <= width; x += CC_NVUP * CC_VL)
                CC_FN(up_tile)(job, &terms, w, CC_QUAD * q, out, x, CC_VL, CC_NVUP);
        for (; x < width; x += CC_VL) {
            const int32_t at = x > last && last > 0 ? last : x;
            CC_FN(up_tile)(job, &terms, w, CC_QUAD * q, out, at, width - at, 1);
        }
    }
    cc_close_quads(job);
}

/* The largest of every 2×2 cell. */
static void CC_FN(pool)(const cc_job *job)
{
    const cc_op *op = job->op;
    int32_t *out = (int32_t *)(void *)job->out[0];
#ifdef CC_PLAIN8
    if (op->stride != 2) {
        cc_plain_pool8(job);
        return;
    }
#endif
#define CC_READ(p) (*(const CC_FN(viu) *)(const void *)(p))
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        const int32_t *upper = (const int32_t *)(const void *)span->row[0];
        const int32_t *lower = (const int32_t *)(const void *)span->row[1];
        for (int32_t c = 0; c < cc_quads(span->channels); c++, out += op->pitch) {
            for (int32_t x = 0; x < op->width; x += CC_VL) {
                const int32_t last = op->width - CC_VL, at = x > last && last > 0 ? last : x;
                const VI a = (VI)CC_MAX8(CC_READ(upper + 2 * at), CC_READ(lower + 2 * at));
                const VI b = (VI)CC_MAX8(CC_READ(upper + 2 * at + CC_VL), CC_READ(lower + 2 * at + CC_VL));
                STORE(out + at, CC_MAX8(PICK(a, b, EVENS), PICK(a, b, ODDS)));
            }
            upper += span->pitch;
            lower += span->pitch;
        }
    }
#undef CC_READ
    cc_close_quads(job);
}

/* `count` columns, at least one vector, of up to four planes of floats. */
static void CC_FN(quantise)(const float *const *planes, int32_t channels, int32_t count, const int32_t *zero,
                            const float *inverse, int32_t *out)
{
    for (int32_t x = 0; x < count; x += CC_VL) {
        const int32_t at = x + CC_VL > count ? count - CC_VL : x;
        CC_VECTOR q[4] = {(CC_VECTOR)(VI){0}, (CC_VECTOR)(VI){0}, (CC_VECTOR)(VI){0}, (CC_VECTOR)(VI){0}};
        for (int32_t c = 0; c < channels; c++) {
            VF value = *(const CC_FN(vfu) *)(const void *)(planes[c] + at) * inverse[c];
            /* Clamped to where it can matter; NaN is the least. */
            const VF least = (VF){0} - 512.0f, most = (VF){0} + 512.0f;
            const VI above = (VI)(value > least);
            value = (VF)(((VI)value & above) | ((VI)least & ~above));
            const VI below = (VI)(value < most);
            value = (VF)(((VI)value & below) | ((VI)most & ~below));
            q[c] = (CC_VECTOR)((VI)CC_ROUND(value) + zero[c]);
        }
        STORE(out + at, CC_NARROW(q[0], q[1], q[2], q[3], 0, 0));
    }
}

static const cc_kernels CC_FN(kernels) = {
    .conv = CC_FN(conv),
    .up = CC_FN(up),
    .pool = CC_FN(pool),
    .quantise = CC_FN(quantise),
};

#undef VI
#undef VF
#undef STORE
#undef PICK
#undef BIAS
#undef CC_VL
#undef CC_NV4
#undef CC_NV8
#undef CC_NVUP
#undef CC_SHIFTED
#undef CC_FN
#undef CC_DATA
#undef CC_WORD
#undef CC_ACC
#undef CC_VECTOR
#undef CC_LOAD8
#undef CC_SPREAD
#undef CC_START
#undef CC_DOT
#undef CC_DOT3
#undef CC_SUM
#undef CC_KEEP
#undef CC_ROUND
#undef CC_NARROW
#undef CC_MAX8
