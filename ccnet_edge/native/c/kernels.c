/* The kernels, included once for every instruction set: CC_VL floats a vector, CC_NV vectors a
 * block, CC_FN(name) the function's name there, CC_MAX the larger of two vectors, lane by lane.
 *
 * Vectors run along a row, weights are scalars that are broadcast, a block is up to CC_BLOCK
 * output channels by CC_NV vectors, so that every loaded value is used for all of them. */

typedef float CC_FN(vf) __attribute__((vector_size(CC_VL * 4)));
typedef float CC_FN(vu) __attribute__((vector_size(CC_VL * 4), aligned(4), may_alias));
#define VF CC_FN(vf)
#define LOAD(p) (*(const CC_FN(vu) *)(p))
/* NOTE: s - 0 is s, bit by bit; 0 + s is not for s = -0, and costs an addition. */
#define SPLAT(s) ((s) - (VF){0})
#define STORE(p, v) (*(CC_FN(vu) *)(p) = (v))
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* Columns of an even and an odd position side by side; only `count` of each where the row ends. */
CC_INLINE void CC_FN(interleave)(float *to, VF even, VF odd, int32_t count)
{
    const VF low = PICK(even, odd, LOWS), high = PICK(even, odd, HIGHS);
    if (count >= CC_VL) {
        STORE(to, low);
        STORE(to + CC_VL, high);
    } else {
        float both[2 * CC_VL];
        STORE(both, low);
        STORE(both + CC_VL, high);
        for (int32_t i = 0; i < 2 * count; i++) to[i] = both[i];
    }
}

/* Columns [x, x + NV·VL) of `mr` output channels: K×K, stride 1, any number of sources. */
CC_INLINE void CC_FN(conv_tile)(const cc_job *job, const float *w, const float *bias, float *out,
                                int32_t x, const int K, const int MR, const int NV)
{
    VF acc[CC_BLOCK][4];
    CC_UNROLL for (int m = 0; m < MR; m++)
        CC_UNROLL for (int v = 0; v < NV; v++) acc[m][v] = SPLAT(bias[m]);
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        ptrdiff_t at = x - K / 2;
        for (int32_t c = 0; c < span->channels; c++, at += span->pitch) {
            CC_UNROLL_ROWS for (int ky = 0; ky < K; ky++) {
                const float *row = span->row[ky] + at;
                CC_PLACE(row);
                CC_PLACE(w);
                CC_UNROLL for (int kx = 0; kx < K; kx++, w += MR) {
                    VF d[4];
                    CC_UNROLL for (int v = 0; v < NV; v++) {
                        d[v] = LOAD(row + kx + v * CC_VL);
                        CC_PIN(d[v]);
                    }
                    CC_UNROLL for (int m = 0; m < MR; m++) {
                        const VF broadcast = SPLAT(w[m]);
                        CC_UNROLL for (int v = 0; v < NV; v++) CC_ADD_PRODUCT(acc[m][v], broadcast, d[v]);
                    }
                }
            }
        }
    }
    const ptrdiff_t pitch = job->op->pitch;
    CC_UNROLL for (int m = 0; m < MR; m++)
        CC_UNROLL for (int v = 0; v < NV; v++) {
            const VF value = job->op->relu ? CC_MAX(acc[m][v], (VF){0}) : acc[m][v];
            STORE(out + m * pitch + x + v * CC_VL, value);
        }
}

/* A whole row of one block of channels. The last columns are computed again where whole vectors
 * do not end at the row's end. */
CC_INLINE void CC_FN(conv_block)(const cc_job *job, const float *w, const float *bias, float *out,
                                 const int K, const int MR)
{
    const int32_t width = job->op->width;
    int32_t x = 0;
    for (; x + CC_NV * CC_VL <= width; x += CC_NV * CC_VL)
        CC_FN(conv_tile)(job, w, bias, out, x, K, MR, CC_NV);
#if CC_NV > 2
    for (; x + 2 * CC_VL <= width; x += 2 * CC_VL)
        CC_FN(conv_tile)(job, w, bias, out, x, K, MR, 2);
#endif
    for (; x < width; x += CC_VL) {
        const int32_t last = width - CC_VL;
        CC_FN(conv_tile)(job, w, bias, out, x > last && last > 0 ? last : x, K, MR, 1);
    }
}

#define CC_CASE(K, MR) \
    static void CC_FN(conv_##K##_##MR)(const cc_job *job, const float *w, const float *bias, \
                                       float *out) \
    { \
        CC_FN(conv_block)(job, w, bias, out, K, MR); \
    }
CC_CONV_CASES(CC_CASE)
#undef CC_CASE

static void CC_FN(conv)(const cc_job *job)
{
    const cc_op *op = job->op;
    const float *w = job->weights, *bias = w + (size_t)op->in_channels * op->kernel * op->kernel * op->channels;
    for (int32_t m = 0, mr; m < op->channels; m += mr) {
        mr = cc_block(op->channels, m, CC_BLOCK);
        float *out = job->out[0] + (ptrdiff_t)m * op->pitch;
        switch (op->kernel * 16 + mr) {
#define CC_CASE(K, MR) case K * 16 + MR: CC_FN(conv_##K##_##MR)(job, w, bias + m, out); break;
            CC_CONV_CASES(CC_CASE)
#undef CC_CASE
        }
        w += (size_t)op->in_channels * op->kernel * op->kernel * mr;
    }
    cc_close_row(op, job->out[0]);
}

/* Transposed convolution, kernel and stride 2: two output columns from each of the source's. */
CC_INLINE void CC_FN(up_tile)(const cc_job *job, const float *w, const float *bias, float *out,
                              int32_t x, int32_t count, const int MR, const int NV)
{
    VF acc[2][CC_BLOCK / 2][2];
    CC_UNROLL for (int m = 0; m < MR; m++)
        CC_UNROLL for (int v = 0; v < NV; v++) acc[0][m][v] = acc[1][m][v] = SPLAT(bias[m]);
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        const float *row = span->row[0] + x;
        for (int32_t c = 0; c < span->channels; c++, row += span->pitch, w += 2 * MR) {
            VF d[2];
            CC_PLACE(row);
            CC_PLACE(w);
            CC_UNROLL for (int v = 0; v < NV; v++) {
                d[v] = LOAD(row + v * CC_VL);
                CC_PIN(d[v]);
            }
            CC_UNROLL for (int k = 0; k < 2; k++)
                CC_UNROLL for (int m = 0; m < MR; m++) {
                    const VF broadcast = SPLAT(w[k * MR + m]);
                    CC_UNROLL for (int v = 0; v < NV; v++) CC_ADD_PRODUCT(acc[k][m][v], broadcast, d[v]);
                }
        }
    }
    CC_UNROLL for (int m = 0; m < MR; m++)
        CC_UNROLL for (int v = 0; v < NV; v++) {
            float *to = out + (ptrdiff_t)m * job->op->pitch + 2 * (x + v * CC_VL);
            VF left = acc[0][m][v], right = acc[1][m][v];
            if (job->op->relu) left = CC_MAX(left, (VF){0}), right = CC_MAX(right, (VF){0});
            CC_FN(interleave)(to, left, right, count - v * CC_VL);
        }
}

CC_INLINE void CC_FN(up_block)(const cc_job *job, const float *w, const float *bias, float *out,
                               const int MR)
{
    const int32_t width = job->op->width / 2;
    int32_t x = 0;
    for (; x + 2 * CC_VL <= width; x += 2 * CC_VL)
        CC_FN(up_tile)(job, w, bias, out, x, width - x, MR, 2);
    for (; x < width; x += CC_VL) {
        const int32_t last = width - CC_VL, at = x > last && last > 0 ? last : x;
        CC_FN(up_tile)(job, w, bias, out, at, width - at, MR, 1);
    }
}

static void CC_FN(up)(const cc_job *job)
{
    const cc_op *op = job->op;
    const float *bias = job->weights + (size_t)op->in_channels * 4 * op->channels;
    const float *w = job->weights + (size_t)(job->row % 2) * op->in_channels * 2 * op->channels;
    for (int32_t m = 0, mr; m < op->channels; m += mr) {
        mr = cc_block(op->channels, m, CC_BLOCK / 2);
        float *out = job->out[0] + (ptrdiff_t)m * op->pitch;
        switch (mr) {
        case 1: CC_FN(up_block)(job, w, bias + m, out, 1); break;
        case 2: CC_FN(up_block)(job, w, bias + m, out, 2); break;
        case 3: CC_FN(up_block)(job, w, bias + m, out, 3); break;
        }
        w += (size_t)op->in_channels * 2 * mr;
    }
    cc_close_row(op, job->out[0]);
}

/* The largest of every 2×2 cell. */
static void CC_FN(pool)(const cc_job *job)
{
    const cc_op *op = job->op;
    float *out = job->out[0];
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        for (int32_t c = 0; c < span->channels; c++, out += op->pitch) {
            const float *upper = span->row[0] + c * span->pitch;
            const float *lower = span->row[1] + c * span->pitch;
            for (int32_t x = 0; x < op->width; x += CC_VL) {
                const int32_t last = op->width - CC_VL, at = x > last && last > 0 ? last : x;
                const VF a = CC_MAX(LOAD(upper + 2 * at), LOAD(lower + 2 * at));
                const VF b = CC_MAX(LOAD(upper + 2 * at + CC_VL), LOAD(lower + 2 * at + CC_VL));
                STORE(out + at, CC_MAX(PICK(a, b, EVENS), PICK(a, b, ODDS)));
            }
        }
    }
    cc_close_row(op, job->out[0]);
}

#ifdef CC_WINOGRAD
/* F(2×2, 3×3), Lavin & Gray 2016: 16 products for 4 outputs instead of 36. The rows of a pair
 * are made in chunks of CC_TILES tiles: transform all sources, multiply, transform back. */
#ifndef CC_PLANE
/* One line more than the tiles: 16 planes at distances of 4096 bytes would share a cache set. */
#define CC_PLANE(channels) ((ptrdiff_t)(channels) * CC_TILES + 16)
#endif
CC_INLINE void CC_FN(wino_in)(const cc_job *job, float *to, int32_t tile, int32_t count)
{
    const ptrdiff_t plane = CC_PLANE(job->op->in_channels);
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        for (int32_t c = 0; c < span->channels; c++, to += CC_TILES) {
            const ptrdiff_t at = (ptrdiff_t)c * span->pitch + 2 * tile - 1;
            for (int32_t t = 0; t < count; t += CC_VL) {
                VF d[4][4];
                CC_UNROLL for (int i = 0; i < 4; i++) {
                    const float *row = span->row[i] + at + 2 * t;
                    d[i][0] = LOAD(row);
                    d[i][1] = LOAD(row + CC_VL);
                    d[i][2] = LOAD(row + 2);
                    d[i][3] = LOAD(row + 2 + CC_VL);
                }
                CC_UNROLL for (int j = 0; j < 4; j++) {
                    const VF d0 = d[0][j], d1 = d[1][j], d2 = d[2][j], d3 = d[3][j];
                    d[0][j] = d0 - d2;
                    d[1][j] = d1 + d2;
                    d[2][j] = d2 - d1;
                    d[3][j] = d1 - d3;
                }
                CC_UNROLL for (int i = 0; i < 4; i++) {
                    const VF a = PICK(d[i][0], d[i][1], EVENS), b = PICK(d[i][0], d[i][1], ODDS);
                    const VF e = PICK(d[i][2], d[i][3], EVENS), f = PICK(d[i][2], d[i][3], ODDS);
                    float *p = to + 4 * i * plane + t;
                    STORE(p, a - e);
                    STORE(p + plane, b + e);
                    STORE(p + 2 * plane, e - b);
                    STORE(p + 3 * plane, b - f);
                }
            }
        }
    }
}

/* Products of one block of channels: [16][MR][CC_TILES]. */
CC_INLINE void CC_FN(wino_mul)(const float *v, int32_t channels, const float *w, float *to,
                               int32_t count, const int MR, const int NV)
{
    for (int32_t t = 0; t < count; t += NV * CC_VL) {
        const float *u = w;
        for (int p = 0; p < 16; p++) {
            const float *d = v + p * CC_PLANE(channels) + t;
            VF acc[CC_BLOCK][2];
            CC_UNROLL for (int m = 0; m < MR; m++)
                CC_UNROLL for (int i = 0; i < NV; i++) acc[m][i] = (VF){0};
            for (int32_t c = 0; c < channels; c++, d += CC_TILES, u += MR) {
                VF x[2];
                CC_PLACE(d);
                CC_PLACE(u);
                CC_UNROLL for (int i = 0; i < NV; i++) {
                    x[i] = LOAD(d + i * CC_VL);
                    CC_PIN(x[i]);
                }
                CC_UNROLL for (int m = 0; m < MR; m++) {
                    const VF broadcast = SPLAT(u[m]);
                    CC_UNROLL for (int i = 0; i < NV; i++) CC_ADD_PRODUCT(acc[m][i], broadcast, x[i]);
                }
            }
            CC_UNROLL for (int m = 0; m < MR; m++)
                CC_UNROLL for (int i = 0; i < NV; i++)
                    STORE(to + (p * MR + m) * CC_TILES + t + i * CC_VL, acc[m][i]);
        }
    }
}

CC_INLINE void CC_FN(wino_out)(const cc_job *job, const float *from, const float *bias, int32_t channel,
                               int32_t tile, int32_t count, int MR)
{
    const cc_op *op = job->op;
    for (int m = 0; m < MR; m++)
        for (int32_t t = 0; t < count; t += CC_VL) {
            VF r[2][4];
            CC_UNROLL for (int j = 0; j < 4; j++) {
                const float *p = from + (j * MR + m) * CC_TILES + t;
                const ptrdiff_t line = (ptrdiff_t)4 * MR * CC_TILES;
                const VF m0 = LOAD(p), m1 = LOAD(p + line), m2 = LOAD(p + 2 * line);
                const VF m3 = LOAD(p + 3 * line);
                r[0][j] = m0 + m1 + m2;
                r[1][j] = m1 - m2 - m3;
            }
            CC_UNROLL for (int i = 0; i < 2; i++) {
                float *to = job->out[i] + (ptrdiff_t)(channel + m) * op->pitch + 2 * (tile + t);
                VF left = r[i][0] + r[i][1] + r[i][2] + bias[m];
                VF right = r[i][1] - r[i][2] - r[i][3] + bias[m];
                if (op->relu) left = CC_MAX(left, (VF){0}), right = CC_MAX(right, (VF){0});
                CC_FN(interleave)(to, left, right, count - t);
            }
        }
}

#define CC_CASE(MR) \
    static void CC_FN(wino_##MR)(const float *v, int32_t channels, const float *w, float *to, \
                                 int32_t count) \
    { \
        if (count > CC_VL) \
            CC_FN(wino_mul)(v, channels, w, to, count, MR, 2); \
        else \
            CC_FN(wino_mul)(v, channels, w, to, count, MR, 1); \
    }
CC_WINOGRAD_CASES(CC_CASE)
#undef CC_CASE

static void CC_FN(wino)(const cc_job *job)
{
    const cc_op *op = job->op;
    const int32_t tiles = op->width / 2, channels = op->in_channels;
    const float *bias = job->weights + (size_t)channels * 16 * op->channels;
    float *v = job->scratch, *products = v + 16 * CC_PLANE(channels);
    for (int32_t tile = 0; tile < tiles; tile += CC_TILES) {
        const int32_t left = tiles - tile, count = left < CC_TILES ? left : CC_TILES;
        const float *w = job->weights;
        CC_FN(wino_in)(job, v, tile, count);
        for (int32_t m = 0, mr; m < op->channels; m += mr) {
            mr = cc_block(op->channels, m, CC_BLOCK);
            switch (mr) {
#define CC_CASE(MR) case MR: CC_FN(wino_##MR)(v, channels, w, products, count); break;
                CC_WINOGRAD_CASES(CC_CASE)
#undef CC_CASE
            }
            CC_FN(wino_out)(job, products, bias + m, m, tile, count, mr);
            w += (size_t)16 * channels * mr;
        }
    }
    cc_close_row(op, job->out[0]);
    cc_close_row(op, job->out[1]);
}
#endif

#ifdef CC_DEPTHS
/* A kernel of its own for every channel: K×K, stride 1. */
CC_INLINE void CC_FN(depth_rows)(const cc_job *job, const int K)
{
    const cc_op *op = job->op;
    const float *w = job->weights, *bias = w + (size_t)op->channels * K * K;
    float *out = job->out[0];
    for (int32_t s = 0; s < job->spans; s++) {
        const cc_span *span = &job->span[s];
        for (int32_t c = 0; c < span->channels; c++, out += op->pitch, w += K * K, bias++)
            for (int32_t x = 0; x < op->width; x += CC_VL) {
                const int32_t last = op->width - CC_VL, at = x > last && last > 0 ? last : x;
                const ptrdiff_t from = c * span->pitch + at - K / 2;
                VF sum = SPLAT(*bias);
                for (int ky = 0; ky < K; ky++)
                    for (int kx = 0; kx < K; kx++)
                        sum += SPLAT(w[ky * K + kx]) * LOAD(span->row[ky] + from + kx);
                STORE(out + at, op->relu ? CC_MAX(sum, (VF){0}) : sum);
            }
    }
    cc_close_row(op, job->out[0]);
}

static void CC_FN(depth)(const cc_job *job)
{
    if (job->op->kernel == 3)
        CC_FN(depth_rows)(job, 3);
    else
        CC_FN(depth_rows)(job, job->op->kernel);
}
#endif

#ifdef CC_SUMS
/* Sources of the same channels, plane on plane. */
static void CC_FN(sum)(const cc_job *job)
{
    const cc_op *op = job->op;
    float *out = job->out[0];
    for (int32_t c = 0; c < op->channels; c++, out += op->pitch)
        for (int32_t x = 0; x < op->width; x += CC_VL) {
            const int32_t last = op->width - CC_VL, at = x > last && last > 0 ? last : x;
            VF sum = LOAD(job->span[0].row[0] + c * job->span[0].pitch + at);
            for (int32_t s = 1; s < job->spans; s++)
                sum += LOAD(job->span[s].row[0] + c * job->span[s].pitch + at);
            STORE(out + at, op->relu ? CC_MAX(sum, (VF){0}) : sum);
        }
    cc_close_row(op, job->out[0]);
}
#endif

#ifdef CC_HALVES
static void CC_FN(half)(const cc_job *job)
{
    uint16_t *out = (uint16_t *)job->out[0];
    for (int32_t s = 0; s < job->spans; s++) {
        const float *from = job->span[s].row[0];
        const ptrdiff_t count = job->span[s].channels * job->span[s].pitch;
        for (ptrdiff_t i = 0; i < count; i += CC_VL) CC_TO_HALF(out + i, from + i);
        out += count;
    }
}

static void CC_FN(whole)(const cc_job *job)
{
    const uint16_t *from = (const uint16_t *)job->span[0].row[0];
    const ptrdiff_t count = job->span[0].channels * job->span[0].pitch;
    for (ptrdiff_t i = 0; i < count; i += CC_VL) CC_FROM_HALF(job->out[0] + i, from + i);
}
#endif

static const cc_kernels CC_FN(kernels) = {
    .conv = CC_FN(conv),
    .up = CC_FN(up),
    .pool = CC_FN(pool),
#ifdef CC_DEPTHS
    .depth = CC_FN(depth),
#endif
#ifdef CC_SUMS
    .sum = CC_FN(sum),
#endif
#ifdef CC_WINOGRAD
    .wino = CC_FN(wino),
#endif
#ifdef CC_HALVES
    .half = CC_FN(half),
    .whole = CC_FN(whole),
#endif
};

#undef VF
#undef LOAD
#undef STORE
#undef SPLAT
#undef PICK
#undef CC_VL
#undef CC_NV
#undef CC_FN
#undef CC_MAX
#undef CC_TO_HALF
#undef CC_FROM_HALF
