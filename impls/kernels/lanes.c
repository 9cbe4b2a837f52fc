/* Vectors of this CPU, tiles of samples transposed in registers, and memory. The number REAL is float
   or double (SINGLE tells which), PARTS how many vectors a component of a tile has. */

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
#define TILE (WIDTH * PARTS)
#define ALIGNED(size) (((size_t)(size) + 63) & ~(size_t)63)
#if defined(_OPENMP)
#include <omp.h>
#define THREAD omp_get_thread_num()
#else
#define THREAD 0
#endif
#define HUGE_PAGE ((uintptr_t)1 << 21)
#define LARGE ((size_t)4 << 20)

typedef REAL vec __attribute__((vector_size(BYTES)));
typedef REAL loose __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef struct {
    vec part[PARTS];
} lanes;

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

/* Ask for huge pages where memory is large: a fresh page costs more than filling it. */
static void advise(void *start, size_t size) {
    if (size < LARGE) return;
#if defined(MADV_HUGEPAGE)
    uintptr_t first = ((uintptr_t)start + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t last = ((uintptr_t)start + size) & ~(HUGE_PAGE - 1);
    if (last > first) madvise((void *)first, last - first, MADV_HUGEPAGE);
#endif
}

/* Return memory for some bytes, aligned for vectors; NULL if there is none. */
static void *reserve(size_t size) {
    void *memory = aligned_alloc(64, ALIGNED(size + 1));
    if (memory) advise(memory, size);
    return memory;
}
