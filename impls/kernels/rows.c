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

   Inputs and then outputs lie at the start of v, each padded to a multiple of PADDING. */

#define PADDING 16
enum { END, LINEAR, PRODUCT, ADDED, SCALED, BUTTERFLY };

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
    size_t size = ALIGNED(rows + ((size_t)TILE * widest + WIDTH) * sizeof(REAL));
    int64_t tiles = (samples + TILE - 1) / TILE;
    char *memory = reserve(size * threads);
    if (!memory) return 1;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t tile = 0; tile < tiles; tile++) {
        lanes *v = (lanes *)(memory + size * THREAD), *at = v;
        REAL *scratch = (REAL *)((char *)v + rows);
        int64_t first = tile * TILE, here = samples - first < TILE ? samples - first : TILE;
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
            memcpy((REAL *)arrays[a] + first * dim, scratch, (size_t)here * dim * sizeof(REAL));
            at += (dim + PADDING - 1) / PADDING * PADDING;
        }
    }
    free(memory);
    return 0;
}
