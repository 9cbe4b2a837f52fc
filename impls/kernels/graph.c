/* Convolutions on a graph and their derivatives; no message is stored.

     F = sum over edges e, channels u and paths p of
         w[e, p, u] sum of g[dst[e], u, k] M[e][k, i] x[src[e], u, i],
     M[e][k, i] = sum of c s[e, j] over the components i and k of the path

   Channels are lanes: node arrays [nodes, channels, dim] are transposed into blocks of WIDTH
   channels, once, or by each edge that reads them where these are few. Edges are sorted by the node where they end (or start) in the call, and taken WIDTH at
   a time, for which M is computed at once, edges as lanes. What is summed at a node stays in a tile
   until its last edge. A table is (words, numbers):

     words = I, J, K, paths, entries of M, passes, arrays,
             for each path: first i, number of i, first k, number of k, its first entry of M;
             for each entry: number of its terms; for each term: j;
             for each pass: the places of x, s, w, g, then of the outputs z, x, s, w, and for each
             output 1 where it adds to what an earlier pass wrote
     numbers = c of each term

   A place is a position in `arrays`, where src and dst follow what is given; -1 means absent, and
   absent weights are 1. Entries of M of a path are in the order (k, i). */

typedef struct {
    int i, ni, k, nk, m;
} Path;

typedef struct {
    int dim_x, dim_s, dim_z, paths, entries;
    const Path *path;
    const int32_t *terms, *j;
    const REAL *c;
    int64_t nodes, edges, channels, blocks;
    const int32_t *src, *dst;
} Graph;

enum { X, S, W, G };
#define FEW 2 /* edges for each node, up to which an edge transposes what it reads */

/* Read a block of channels of a node of an array [nodes, channels, dim] to vectors [dim], and as much
   behind them as a vector reads; zeros behind the last channel. */
INLINE void read_block(const Graph *q, const REAL *a, int dim, int64_t node, int64_t block, vec *to,
                       REAL *scratch) {
    int64_t first = block * WIDTH, left = q->channels - first;
    const REAL *from = a + (node * q->channels + first) * dim;
    if (left <= WIDTH || node + 1 == q->nodes) {
        memset(scratch, 0, ((size_t)WIDTH * dim + WIDTH) * sizeof(REAL));
        from = memcpy(scratch, from, (left < WIDTH ? left : WIDTH) * dim * sizeof(REAL));
    }
    read_rows(from, dim, (lanes *)to);
}

/* Transpose a node array [nodes, channels, dim] to [nodes, blocks, dim] vectors of channels. */
static vec *by_channel(const Graph *q, const REAL *a, int dim, int threads) {
    vec *all = reserve((size_t)q->nodes * q->blocks * dim * sizeof(vec));
    size_t size = ((size_t)WIDTH * dim + WIDTH) * sizeof(REAL);
    size_t own = ALIGNED(size) + ((size_t)dim + WIDTH) * sizeof(vec);
    char *memory = reserve(own * threads);
    if (!all || !memory) {
        free(all);
        free(memory);
        return NULL;
    }
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t n = 0; n < q->nodes; n++) {
        REAL *scratch = (REAL *)(memory + own * THREAD);
        vec *tile = (vec *)((char *)scratch + ALIGNED(size));
        for (int64_t block = 0; block < q->blocks; block++) {
            read_block(q, a, dim, n, block, tile, scratch);
            memcpy(all + (n * q->blocks + block) * dim, tile, dim * sizeof(vec));
        }
    }
    free(memory);
    return all;
}

/* A node array: as it is given, and transposed, or NULL where each edge transposes what it reads. */
typedef struct {
    const REAL *given;
    const vec *all;
    int dim;
} Nodes;

/* Return some blocks of a node, [blocks, dim]; `own` has room for them and a vector's width. */
INLINE const vec *blocks_of(const Graph *q, Nodes a, int64_t node, int64_t block, int64_t blocks,
                            vec *own, REAL *scratch) {
    if (a.all) return a.all + (node * q->blocks + block) * a.dim;
    for (int64_t n = 0; n < blocks; n++)
        read_block(q, a.given, a.dim, node, block + n, own + n * a.dim, scratch);
    return own;
}

/* Write a block of channels of a node, [dim] vectors, to an array [nodes, channels, dim]. */
static void to_node(const Graph *q, REAL *a, int dim, int64_t node, int64_t block, const vec *v,
                    REAL *scratch, int add) {
    int64_t first = block * WIDTH, left = q->channels - first;
    size_t count = (size_t)(left < WIDTH ? left : WIDTH) * dim;
    REAL *to = a + (node * q->channels + first) * dim;
    write_rows(scratch, dim, (const lanes *)v);
    if (add)
        for (size_t n = 0; n < count; n++) to[n] += scratch[n];
    else
        memcpy(to, scratch, count * sizeof(REAL));
}

/* A block of channels of a weight row, zeros behind the last channel. */
INLINE vec load_weights(const Graph *q, const REAL *w, int64_t edge, int path, int64_t block) {
    if (!w) return splat(1);
    const REAL *from = w + (edge * q->paths + path) * q->channels + block * WIDTH;
    int64_t left = q->channels - block * WIDTH;
    if (left >= WIDTH) return *(const loose *)from;
    vec v = {0};
    memcpy(&v, from, left * sizeof(REAL));
    return v;
}

INLINE void store_weights(const Graph *q, REAL *w, int64_t edge, int path, int64_t block, vec v,
                          int add) {
    REAL *to = w + (edge * q->paths + path) * q->channels + block * WIDTH;
    int64_t left = q->channels - block * WIDTH;
    if (add) v += load_weights(q, w, edge, path, block);
    if (left >= WIDTH)
        *(loose *)to = v;
    else
        memcpy(to, &v, left * sizeof(REAL));
}

/* Compute M of up to WIDTH edges, edges as lanes. */
static void matrices(const Graph *q, const REAL *s, const int32_t *edge, int count, vec *sh,
                     vec *m) {
    for (int j = 0; j < q->dim_s; j++) {
        REAL one[WIDTH] = {0};
        for (int e = 0; e < count; e++) one[e] = s[(int64_t)edge[e] * q->dim_s + j];
        memcpy(&sh[j], one, sizeof one);
    }
    const int32_t *j = q->j;
    const REAL *c = q->c;
    for (int entry = 0; entry < q->entries; entry++) {
        vec sum = {0};
        for (int t = 0; t < q->terms[entry]; t++) sum += splat(*c++) * sh[*j++];
        m[entry] = sum;
    }
}

#define BY_COMPONENTS(ni, call)                                                                    \
    switch (ni) {                                                                                  \
    case 1: { enum { N = 1 }; call; break; }                                                       \
    case 3: { enum { N = 3 }; call; break; }                                                       \
    case 5: { enum { N = 5 }; call; break; }                                                       \
    case 7: { enum { N = 7 }; call; break; }                                                       \
    default: { int N = ni; call; break; }                                                          \
    }

/* z_k += w sum of M[k, i] x_i; m is a lane of M, entries are WIDTH numbers apart. */
INLINE void receive(const vec *x, const REAL *m, vec w, vec *z, int nk, int ni) {
    for (int k = 0; k < nk; k++, m += ni * WIDTH) {
        vec y = {0};
        for (int i = 0; i < ni; i++) y += splat(m[i * WIDTH]) * x[i];
        z[k] += w * y;
    }
}

/* What one path of an edge sends, all channels: gradients with respect to x (gx_i += sum of
   M[k, i] w g_k), to w, and the outer products [k, i] of w g and x, lane by lane, for that to s.
   Absent ones are NULL; u has room for [blocks, nk]. */
INLINE void send(const Graph *q, int p, int64_t edge, const vec *x, const REAL *m, const REAL *w,
                 const vec *g, vec *gx, REAL *gw, vec *outer, vec *u, int add, int ni) {
    const Path *path = q->path + p;
    int nk = path->nk;
    for (int64_t block = 0; block < q->blocks; block++) {
        const vec *gk = g + block * q->dim_z + path->k, *xi = x + block * q->dim_x + path->i;
        vec *to = gx + block * q->dim_x + path->i;
        vec own = load_weights(q, w, edge, p, block), total = {0}, xs[ni], sums[ni];
        for (int i = 0; i < ni; i++) xs[i] = xi[i], sums[i] = gx ? to[i] : (vec){0};
        for (int k = 0; k < nk; k++) {
            vec uk = own * gk[k], y = {0};
            u[block * nk + k] = uk;
            for (int i = 0; i < ni; i++) {
                vec entry = splat(m[(k * ni + i) * WIDTH]);
                sums[i] += entry * uk;
                y += entry * xs[i];
            }
            total += gk[k] * y;
        }
        if (gx)
            for (int i = 0; i < ni; i++) to[i] = sums[i];
        if (gw) store_weights(q, gw, edge, p, block, total, add);
    }
    if (!outer) return;
    for (int k = 0; k < nk; k++) {
        vec sums[ni];
        for (int i = 0; i < ni; i++) sums[i] = (vec){0};
        for (int64_t block = 0; block < q->blocks; block++) {
            const vec *xi = x + block * q->dim_x + path->i;
            vec uk = u[block * nk + k];
            for (int i = 0; i < ni; i++) sums[i] += uk * xi[i];
        }
        for (int i = 0; i < ni; i++) outer[k * ni + i] = sums[i];
    }
}

static int within(const Graph *q, const int32_t *node) {
    for (int64_t e = 0; e < q->edges; e++)
        if (node[e] < 0 || node[e] >= q->nodes) return 0;
    return 1;
}

/* Sort edges by a node of theirs: order[first[n]] .. are those of node n. */
static void sort(const Graph *q, const int32_t *node, int32_t *order, int64_t *first) {
    memset(first, 0, (q->nodes + 2) * sizeof *first);
    for (int64_t e = 0; e < q->edges; e++) first[node[e] + 2]++;
    for (int64_t n = 0; n < q->nodes; n++) first[n + 2] += first[n + 1];
    for (int64_t e = 0; e < q->edges; e++) order[first[node[e] + 1]++] = (int32_t)e;
}

/* Return the first node of a part of all nodes, with about as many edges in each part. */
static int64_t cut(const Graph *q, const int64_t *first, int part, int parts) {
    if (part == parts) return q->nodes;
    int64_t low = 0, high = q->nodes, edge = q->edges * part / parts;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (first[middle] < edge)
            low = middle + 1;
        else
            high = middle;
    }
    return part ? low : 0;
}

/* The memory of one thread, in the order of its use. */
typedef struct {
    vec *sh, *m, *tile, *outer, *sums, *u, *x, *g;
    REAL *scratch;
} Room;

static size_t room_size(const Graph *q) {
    size_t dim = q->dim_x > q->dim_z ? q->dim_x : q->dim_z;
    size_t padded = dim + WIDTH;
    size_t vectors = 2 * (size_t)q->dim_s + 2 * q->entries + (q->blocks + 1) * padded;
    vectors += (size_t)q->blocks * (q->dim_x + 2 * q->dim_z) + 2 * WIDTH;
    return ALIGNED(vectors * sizeof(vec) + (WIDTH * dim + WIDTH) * sizeof(REAL));
}

static Room room(const Graph *q, char *memory) {
    size_t dim = q->dim_x > q->dim_z ? q->dim_x : q->dim_z;
    Room r;
    r.sh = (vec *)memory;
    r.sums = r.sh + q->dim_s;
    r.m = r.sums + q->dim_s;
    r.outer = r.m + q->entries;
    r.u = r.outer + q->entries;
    r.tile = r.u + q->blocks * q->dim_z;
    r.x = r.tile + (q->blocks + 1) * (dim + WIDTH);
    r.g = r.x + q->blocks * q->dim_x + WIDTH;
    r.scratch = (REAL *)(r.g + q->blocks * q->dim_z + WIDTH);
    return r;
}

/* Sum z at the nodes from `from` to `to`, whose edges are order[first[from]] ... */
static void receive_nodes(const Graph *q, Nodes x, const REAL *s, const REAL *w, REAL *z,
                          int add, const int32_t *order, const int64_t *first, int64_t from,
                          int64_t to, Room r) {
    int64_t stop = first[to];
    memset(r.tile, 0, (size_t)q->blocks * q->dim_z * sizeof(vec));
    for (int64_t n = from; n < to && !add; n++)
        if (first[n] == first[n + 1])
            memset(z + n * q->channels * q->dim_z, 0, q->channels * q->dim_z * sizeof(REAL));
    for (int64_t start = first[from]; start < stop; start += WIDTH) {
        int count = (int)(stop - start < WIDTH ? stop - start : WIDTH);
        const int32_t *edge = order + start;
        matrices(q, s, edge, count, r.sh, r.m);
        for (int64_t block = 0; block < q->blocks; block++) {
            vec *tile = r.tile + block * q->dim_z;
            for (int e = 0; e < count; e++) {
                const vec *xs = blocks_of(q, x, q->src[edge[e]], block, 1, r.x, r.scratch);
                for (int p = 0; p < q->paths; p++) {
                    const Path *path = q->path + p;
                    const REAL *m = (const REAL *)(r.m + path->m) + e;
                    vec own = load_weights(q, w, edge[e], p, block);
                    BY_COMPONENTS(path->ni,
                                  receive(xs + path->i, m, own, tile + path->k, path->nk, N))
                }
                int64_t node = q->dst[edge[e]];
                if (start + e + 1 == first[node + 1]) {
                    to_node(q, z, q->dim_z, node, block, tile, r.scratch, add);
                    memset(tile, 0, q->dim_z * sizeof(vec));
                }
            }
        }
    }
}

/* Gradients with respect to x at the nodes from `from` to `to`, and to s and w of their edges. */
static void send_nodes(const Graph *q, Nodes x, const REAL *s, const REAL *w, Nodes g,
                       REAL *gx, REAL *gs, REAL *gw, const int32_t *add, const int32_t *order,
                       const int64_t *first, int64_t from, int64_t to, Room r) {
    int64_t stop = first[to];
    memset(r.tile, 0, (size_t)q->blocks * q->dim_x * sizeof(vec));
    for (int64_t n = from; n < to && gx && !add[X]; n++)
        if (first[n] == first[n + 1])
            memset(gx + n * q->channels * q->dim_x, 0, q->channels * q->dim_x * sizeof(REAL));
    for (int64_t start = first[from]; start < stop; start += WIDTH) {
        int count = (int)(stop - start < WIDTH ? stop - start : WIDTH);
        const int32_t *edge = order + start;
        matrices(q, s, edge, count, r.sh, r.m);
        for (int e = 0; e < count; e++) {
            int64_t node = q->src[edge[e]], end = q->dst[edge[e]];
            const vec *xs = blocks_of(q, x, node, 0, q->blocks, r.x, r.scratch);
            const vec *ends = blocks_of(q, g, end, 0, q->blocks, r.g, r.scratch);
            for (int p = 0; p < q->paths; p++) {
                const Path *path = q->path + p;
                BY_COMPONENTS(path->ni,
                              send(q, p, edge[e], xs, (const REAL *)(r.m + path->m) + e, w, ends,
                                   gx ? r.tile : NULL, gw, gs ? r.outer + path->m : NULL, r.u,
                                   add[W], N))
            }
            if (gs) {
                const int32_t *j = q->j;
                const REAL *c = q->c;
                REAL *to_edge = gs + (int64_t)edge[e] * q->dim_s;
                memset(r.sums, 0, q->dim_s * sizeof(vec));
                for (int entry = 0; entry < q->entries; entry++)
                    for (int t = 0; t < q->terms[entry]; t++)
                        r.sums[*j++] += splat(*c++) * r.outer[entry];
                for (int j = 0; j < q->dim_s; j++) {
                    REAL sum = 0;
                    for (int lane = 0; lane < WIDTH; lane++) sum += r.sums[j][lane];
                    to_edge[j] = add[S] ? to_edge[j] + sum : sum;
                }
            }
            if (gx && start + e + 1 == first[node + 1]) {
                for (int64_t block = 0; block < q->blocks; block++)
                    to_node(q, gx, q->dim_x, node, block, r.tile + block * q->dim_x, r.scratch,
                            add[X]);
                memset(r.tile, 0, (size_t)q->blocks * q->dim_x * sizeof(vec));
            }
        }
    }
}

/* counts are nodes, edges, channels. Return 0; 1 without memory; 2 for an index out of range. */
#define KERNEL convolve
int convolve(const int32_t *words, const REAL *numbers, void *const *arrays, const int64_t *counts,
             int threads) {
    int passes = words[5], given = words[6];
    Graph q = {.dim_x = words[0], .dim_s = words[1], .dim_z = words[2], .paths = words[3],
               .entries = words[4], .path = (const Path *)(words + 7), .c = numbers,
               .nodes = counts[0], .edges = counts[1], .channels = counts[2],
               .src = arrays[given], .dst = arrays[given + 1]};
    q.blocks = (q.channels + WIDTH - 1) / WIDTH;
    q.terms = words + 7 + 5 * q.paths;
    q.j = q.terms + q.entries;
    const int32_t *pass = q.j;
    for (int entry = 0; entry < q.entries; entry++) pass += q.terms[entry];

    if (!within(&q, q.src) || !within(&q, q.dst)) return 2;

    int failed = 1;
    size_t own = room_size(&q);
    int64_t *first = reserve((q.nodes + 2) * sizeof *first);
    int32_t *order = reserve(q.edges * sizeof *order);
    char *memory = reserve(own * threads);
    if (!first || !order || !memory) goto done;
    for (; passes; passes--, pass += 12) {
#define PLACE(at) (pass[at] < 0 ? NULL : arrays[pass[at]])
        const REAL *s = PLACE(S), *w = PLACE(W);
        REAL *z = PLACE(4), *gx = PLACE(5), *gs = PLACE(6), *gw = PLACE(7);
        sort(&q, z ? q.dst : q.src, order, first);
        Nodes x = {PLACE(X), NULL, q.dim_x}, g = {z ? NULL : PLACE(G), NULL, q.dim_z};
        vec *all_x = NULL, *all_g = NULL;
        if (q.edges > FEW * q.nodes) {
            x.all = all_x = by_channel(&q, x.given, q.dim_x, threads);
            if (g.given) g.all = all_g = by_channel(&q, g.given, q.dim_z, threads);
            if (!all_x || (g.given && !all_g)) {
                free(all_x);
                free(all_g);
                goto done;
            }
        }
        if (z) advise(z, (size_t)q.nodes * q.channels * q.dim_z * sizeof(REAL));
        if (gw) advise(gw, (size_t)q.edges * q.channels * q.paths * sizeof(REAL));
#pragma omp parallel for num_threads(threads) if (threads > 1)
        for (int part = 0; part < threads; part++) {
            int64_t from = cut(&q, first, part, threads), to = cut(&q, first, part + 1, threads);
            Room r = room(&q, memory + own * part);
            if (z)
                receive_nodes(&q, x, s, w, z, pass[8], order, first, from, to, r);
            else
                send_nodes(&q, x, s, w, g, gx, gs, gw, pass + 9, order, first, from, to, r);
        }
        free(all_x);
        free(all_g);
    }
    failed = 0;
done:
    free(first);
    free(order);
    free(memory);
    return failed;
}
