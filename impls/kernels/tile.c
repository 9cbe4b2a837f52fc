/* Maps of samples whose outputs are sums of products of their inputs, read off a table.

   Samples are taken in tiles: a tile of each input is transposed in registers to
   v[component][sample], the rows of the table are evaluated one after another on all samples at
   once, and the outputs are transposed back and copied out whole. A table is (words, numbers):

     words = inputs, outputs, components, dimension of each input, of each output, segments ..., 0
     segment = kind, terms n, rows, then for each row its target and its terms

       LINEAR    v[t]  = sum of c v[a]            n of a, with n numbers c
       PRODUCT   v[t]  = sum of v[a] v[b]         n of (a, b)
       ADDED     v[t] += sum of v[a] v[b]
       SCALED    v[t]  = sum of c v[a] v[b]       n of (a, b), with n numbers c
       BUTTERFLY v[t], v[a] = v[t] + v[a], v[t] - v[a]

   Inputs and then outputs lie at the start of v, each padded to a multiple of PADDING. The number
   REAL is float or double. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define WIDTH ((int)(BYTES / sizeof(REAL)))
#ifndef PARTS
#define PARTS 2
#endif
#define TILE (WIDTH * PARTS)
#define PADDING 16
#define HUGE_PAGE ((uintptr_t)1 << 21)
#define LARGE ((size_t)4 << 20)

typedef REAL vec __attribute__((vector_size(BYTES)));
typedef REAL loose __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef struct {
    vec part[PARTS];
} lanes;

enum { END, LINEAR, PRODUCT, ADDED, SCALED, BUTTERFLY };

#define UNROLLED _Pragma("GCC unroll 16")
#define INLINE static inline __attribute__((always_inline))

INLINE vec splat(REAL c) { return c - (vec){0}; }

/* The first or second halves of a and b, interleaved. */
#if defined(__clang__)
#define INTERLEAVE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#if defined(SINGLE)
typedef int32_t mask __attribute__((vector_size(BYTES)));
#else
typedef int64_t mask __attribute__((vector_size(BYTES)));
#endif
#define INTERLEAVE(a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif

INLINE void interleave(vec a, vec b, vec *low, vec *high) {
#if defined(__AVX512F__) && defined(SINGLE)
    *low = INTERLEAVE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    *high = INTERLEAVE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX512F__) || (defined(__AVX__) && defined(SINGLE))
    *low = INTERLEAVE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    *high = INTERLEAVE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#elif defined(__AVX__) || defined(SINGLE)
    *low = INTERLEAVE(a, b, 0, 4, 1, 5);
    *high = INTERLEAVE(a, b, 2, 6, 3, 7);
#else
    *low = INTERLEAVE(a, b, 0, 2);
    *high = INTERLEAVE(a, b, 1, 3);
#endif
}

/* Transpose WIDTH x WIDTH: each step moves the highest bit of the row to the lowest of the lane,
   and that of the lane to the row. */
INLINE void transpose(vec *m) {
    UNROLLED
    for (int step = 1; step < WIDTH; step *= 2) {
        vec t[WIDTH];
        UNROLLED
        for (int i = 0; i < WIDTH / 2; i++)
            interleave(m[i], m[i + WIDTH / 2], &t[2 * i], &t[2 * i + 1]);
        UNROLLED
        for (int i = 0; i < WIDTH; i++) m[i] = t[i];
    }
}

/* Read a tile of rows [TILE, dim], and as much behind it as a vector reads. */
static void read_rows(const REAL *rows, int dim, lanes *v) {
    for (int first = 0; first < dim; first += WIDTH)
        for (int part = 0; part < PARTS; part++) {
            vec m[WIDTH];
            UNROLLED
            for (int r = 0; r < WIDTH; r++)
                m[r] = *(const loose *)(rows + (size_t)(part * WIDTH + r) * dim + first);
            transpose(m);
            UNROLLED
            for (int r = 0; r < WIDTH; r++) v[first + r].part[part] = m[r];
        }
}

/* Write a tile of rows [TILE, dim]. What the last vector of a row has too much falls on the start
   of the next row, which is written later. */
static void write_rows(REAL *rows, int dim, const lanes *v) {
    for (int first = (dim - 1) / WIDTH * WIDTH; first >= 0; first -= WIDTH)
        for (int part = 0; part < PARTS; part++) {
            vec m[WIDTH];
            UNROLLED
            for (int r = 0; r < WIDTH; r++) m[r] = v[first + r].part[part];
            transpose(m);
            UNROLLED
            for (int r = 0; r < WIDTH; r++)
                *(loose *)(rows + (size_t)(part * WIDTH + r) * dim + first) = m[r];
        }
}

#define EACH_PART                                                                                  \
    UNROLLED                                                                                       \
    for (int u = 0; u < PARTS; u++)

/* Evaluate the rows of a segment; n is a constant where it is small. */
INLINE const int32_t *linear(lanes *v, const int32_t *w, int rows, const REAL **numbers, int n) {
    const REAL *c = *numbers;
    for (; rows; rows--, w += 1 + n, c += n) {
        lanes sum = {0};
        for (int i = 0; i < n; i++) {
            const lanes *a = v + w[1 + i];
            EACH_PART sum.part[u] += splat(c[i]) * a->part[u];
        }
        v[w[0]] = sum;
    }
    *numbers = c;
    return w;
}

INLINE const int32_t *product(lanes *v, const int32_t *w, int rows, int n, int add) {
    for (; rows; rows--, w += 1 + 2 * n) {
        lanes sum = {0};
        if (add) sum = v[w[0]];
        for (int i = 0; i < n; i++) {
            const lanes *a = v + w[1 + 2 * i], *b = v + w[2 + 2 * i];
            EACH_PART sum.part[u] += a->part[u] * b->part[u];
        }
        v[w[0]] = sum;
    }
    return w;
}

INLINE const int32_t *scaled(lanes *v, const int32_t *w, int rows, const REAL **numbers, int n) {
    const REAL *c = *numbers;
    for (; rows; rows--, w += 1 + 2 * n, c += n) {
        lanes sum = {0};
        for (int i = 0; i < n; i++) {
            const lanes *a = v + w[1 + 2 * i], *b = v + w[2 + 2 * i];
            EACH_PART sum.part[u] += splat(c[i]) * a->part[u] * b->part[u];
        }
        v[w[0]] = sum;
    }
    *numbers = c;
    return w;
}

#define BY_TERMS(call)                                                                             \
    switch (n) {                                                                                   \
    case 1: { enum { N = 1 }; w = call; break; }                                                   \
    case 2: { enum { N = 2 }; w = call; break; }                                                   \
    case 3: { enum { N = 3 }; w = call; break; }                                                   \
    case 4: { enum { N = 4 }; w = call; break; }                                                   \
    case 5: { enum { N = 5 }; w = call; break; }                                                   \
    case 6: { enum { N = 6 }; w = call; break; }                                                   \
    default: { int N = n; w = call; break; }                                                       \
    }

static void evaluate(lanes *v, const int32_t *w, const REAL *c) {
    while (w[0] != END) {
        int kind = w[0], n = w[1], rows = w[2];
        w += 3;
        if (kind == LINEAR) {
            BY_TERMS(linear(v, w, rows, &c, N))
        } else if (kind == PRODUCT) {
            BY_TERMS(product(v, w, rows, N, 0))
        } else if (kind == ADDED) {
            BY_TERMS(product(v, w, rows, N, 1))
        } else if (kind == SCALED) {
            BY_TERMS(scaled(v, w, rows, &c, N))
        } else {
            for (; rows; rows--, w += 2) {
                lanes *a = v + w[0], *b = v + w[1];
                EACH_PART {
                    vec first = a->part[u], second = b->part[u];
                    a->part[u] = first + second;
                    b->part[u] = first - second;
                }
            }
        }
    }
}

/* Ask for huge pages where memory is large: a fresh page costs more than filling it. */
static void advise(void *start, size_t size) {
    if (size < LARGE) return;
#if defined(MADV_HUGEPAGE)
    uintptr_t first = ((uintptr_t)start + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t last = ((uintptr_t)start + size) & ~(HUGE_PAGE - 1);
    if (last > first) madvise((void *)first, last - first, MADV_HUGEPAGE);
#endif
}

/* Return memory of this thread that stays for its next call. */
static void *workspace(size_t size) {
    static _Thread_local void *kept;
    static _Thread_local size_t held;
    if (size > held) {
        free(kept);
        held = (size + 4095) & ~(size_t)4095;
        kept = aligned_alloc(4096, held);
        if (!kept) held = 0;
    }
    return kept;
}

/* Map counts[0] rows of the inputs `arrays` to the outputs behind them; 0, or 1 without memory. */
#define KERNEL map_rows
int map_rows(const int32_t *words, const REAL *numbers, void *const *arrays, const int64_t *counts,
             int threads) {
    int inputs = words[0], outputs = words[1], components = words[2], widest = 0;
    int64_t samples = counts[0];
    const int32_t *dims = words + 3, *segments = dims + inputs + outputs;
    for (int a = 0; a < inputs + outputs; a++)
        if (dims[a] > widest) widest = dims[a];
    for (int a = inputs; a < inputs + outputs; a++)
        advise(arrays[a], (size_t)samples * dims[a] * sizeof(REAL));
    size_t rows = (size_t)components * sizeof(lanes);
    size_t size = rows + ((size_t)TILE * widest + WIDTH) * sizeof(REAL);
    int64_t tiles = (samples + TILE - 1) / TILE;
    int failed = 0;
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads) if (threads > 1 && tiles > 1)
#endif
    {
        char *memory = workspace(size);
        if (!memory) {
            failed = 1;
        } else {
            lanes *v = (lanes *)memory;
            REAL *scratch = (REAL *)(memory + rows);
#if defined(_OPENMP)
#pragma omp for schedule(static)
#endif
            for (int64_t tile = 0; tile < tiles; tile++) {
                int64_t first = tile * TILE;
                int64_t here = samples - first < TILE ? samples - first : TILE;
                lanes *at = v;
                for (int a = 0; a < inputs; a++) {
                    int dim = dims[a];
                    const REAL *from = (const REAL *)arrays[a] + first * dim;
                    if ((first + TILE) * dim + WIDTH > samples * dim) {
                        memset(scratch, 0, ((size_t)TILE * dim + WIDTH) * sizeof(REAL));
                        from = memcpy(scratch, from, (size_t)here * dim * sizeof(REAL));
                    }
                    read_rows(from, dim, at);
                    at += (dim + PADDING - 1) / PADDING * PADDING;
                }
                evaluate(v, segments, numbers);
                for (int a = inputs; a < inputs + outputs; a++) {
                    int dim = dims[a];
                    write_rows(scratch, dim, at);
                    memcpy((REAL *)arrays[a] + first * dim, scratch,
                           (size_t)here * dim * sizeof(REAL));
                    at += (dim + PADDING - 1) / PADDING * PADDING;
                }
            }
        }
    }
    return failed;
}
