r"""Three Triton programs that loop over the terms of each component of an output.

    sum_rows        each row n              out[a] = sum of c l[n, i] r[n, j]
    sum_at_nodes    each node, channel u    out[a] = sum of c y[end, u, b] s[e, j] w[e, p, u]
    at_edges        each edge e             out[a] = sum of c x[src, u, i] g[dst, u, k] w[e, p, u]
                    and each channel u      out[a] = sum of c x[src, u, i] s[e, j] g[dst, u, k]

Sums are over the terms of a, at nodes over the edges there too, at edges over u where out has none.
Coefficients c and the places i, j, ... are arguments (`impls.kernels.terms`): nothing is unrolled
or generated for a problem, and a program is compiled once for a data type and a width. Neighbouring
threads take neighbouring components, so that what they write lies side by side, and what they read
in few lines of the nearest cache. Tensors come as tuples, with one for each term of a derivative
(`impls.kernels.derivative`). No message is stored, and nothing is added atomically: the same call
returns the same bits.

An index out of range cannot raise without waiting for the device. What depends on it is NaN; every
node is, if an edge ends at none.
"""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["samples"])
def sum_rows(
    out,
    lefts,
    rights,
    counts,
    left_places,
    right_places,
    numbers,
    samples,
    size,
    left_size,
    right_size,
    ROWS: tl.constexpr,
    COMPONENTS: tl.constexpr,
):
    """Write ROWS x COMPONENTS of an output [samples, size]."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    a = tl.program_id(1) * COMPONENTS + tl.arange(0, COMPONENTS)[None, :]
    count = tl.load(counts + a, mask=a < size, other=0)
    inside = tl.minimum(row, samples - 1)
    total = tl.zeros((ROWS, COMPONENTS), out.dtype.element_ty)
    for t in range(tl.max(count)):
        held = t < count
        i = tl.load(left_places + t * size + a, mask=held, other=0)
        j = tl.load(right_places + t * size + a, mask=held, other=0)
        c = tl.load(numbers + t * size + a, mask=held, other=0)
        for n in tl.static_range(len(lefts)):
            left = tl.load(lefts[n] + inside * left_size + i, mask=held, other=0)
            right = tl.load(rights[n] + inside * right_size + j, mask=held, other=0)
            total += c * left * right
    tl.store(out + row * size + a, total, mask=(a < size) & (row < samples))


@triton.jit(do_not_specialize=["nodes", "edges"])
def sum_at_nodes(
    out,
    order,
    first,
    ends,
    others,
    harmonics,
    weights,
    counts,
    other_places,
    harmonic_places,
    weight_places,
    numbers,
    nodes,
    edges,
    channels,
    size,
    other_size,
    harmonic_size,
    weight_size,
    WEIGHTED: tl.constexpr,
    ONE_PATH: tl.constexpr,
    CHANNELS: tl.constexpr,
    COMPONENTS: tl.constexpr,
):
    """Write CHANNELS x COMPONENTS of a node of an output [nodes, channels, size].

    With ONE_PATH, all terms of a component have the path of its first.
    """
    node = tl.program_id(0).to(tl.int64)
    u = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)[:, None]
    a = tl.program_id(2) * COMPONENTS + tl.arange(0, COMPONENTS)[None, :]
    real = (u < channels) & (a < size)
    count = tl.load(counts + a, mask=a < size, other=0)
    total = tl.zeros((CHANNELS, COMPONENTS), out.dtype.element_ty)
    for place in range(tl.load(first + node), tl.load(first + node + 1)):
        edge = tl.load(order + place)
        end = tl.load(ends + edge).to(tl.int64)
        known = (end >= 0) & (end < nodes)
        end = tl.where(known, end, 0)
        for n in tl.static_range(len(others)):
            message = tl.zeros((CHANNELS, COMPONENTS), out.dtype.element_ty)
            for t in range(tl.max(count)):
                held = t < count
                b = tl.load(other_places + t * size + a, mask=held, other=0)
                j = tl.load(harmonic_places + t * size + a, mask=held, other=0)
                c = tl.load(numbers + t * size + a, mask=held, other=0)
                c *= tl.load(harmonics[n] + edge * harmonic_size + j, mask=held, other=0)
                at = (end * channels + u) * other_size + b
                term = c * tl.load(others[n] + at, mask=held & real, other=0)
                if WEIGHTED and not ONE_PATH:
                    p = tl.load(weight_places + t * size + a, mask=held, other=0)
                    at = (edge * weight_size + p) * channels + u
                    term *= tl.load(weights[n] + at, mask=held & real, other=0)
                message += term
            if WEIGHTED and ONE_PATH:
                p = tl.load(weight_places + a, mask=count > 0, other=0)
                at = (edge * weight_size + p) * channels + u
                message *= tl.load(weights[n] + at, mask=(count > 0) & real, other=0)
            total += message
        total = tl.where(known, total, float("nan"))
    everywhere = (tl.load(first) == 0) & (tl.load(first + nodes) == edges)
    total = tl.where(everywhere, total, float("nan"))
    tl.store(out + (node * channels + u) * size + a, total, mask=real)


@triton.jit(do_not_specialize=["nodes"])
def at_edges(
    out,
    src,
    dst,
    features,
    cotangents,
    factors,
    counts,
    feature_places,
    cotangent_places,
    factor_places,
    numbers,
    nodes,
    channels,
    size,
    feature_size,
    cotangent_size,
    factor_size,
    WEIGHTS: tl.constexpr,
    WEIGHTED: tl.constexpr,
    CHANNELS: tl.constexpr,
    COMPONENTS: tl.constexpr,
):
    """Write COMPONENTS of an edge of an output [edges, size, channels] with WEIGHTS.

    Else of an output [edges, size]. Factors are then weights, if WEIGHTED; with WEIGHTS they are
    harmonics.
    """
    edge = tl.program_id(0).to(tl.int64)
    a = tl.program_id(1) * COMPONENTS + tl.arange(0, COMPONENTS)[None, :]
    count = tl.load(counts + a, mask=a < size, other=0)
    start, stop = tl.load(src + edge).to(tl.int64), tl.load(dst + edge).to(tl.int64)
    known = (start >= 0) & (start < nodes) & (stop >= 0) & (stop < nodes)
    start, stop = tl.where(known, start, 0), tl.where(known, stop, 0)
    total = tl.zeros((CHANNELS, COMPONENTS), out.dtype.element_ty)
    for block in range(0, channels, CHANNELS):
        u = block + tl.arange(0, CHANNELS)[:, None]
        for t in range(tl.max(count)):
            held = t < count
            real = held & (u < channels)
            i = tl.load(feature_places + t * size + a, mask=held, other=0)
            k = tl.load(cotangent_places + t * size + a, mask=held, other=0)
            c = tl.load(numbers + t * size + a, mask=held, other=0)
            x_at = (start * channels + u) * feature_size + i
            g_at = (stop * channels + u) * cotangent_size + k
            for n in tl.static_range(len(features)):
                term = c * tl.load(features[n] + x_at, mask=real, other=0)
                term *= tl.load(cotangents[n] + g_at, mask=real, other=0)
                if WEIGHTS:
                    j = tl.load(factor_places + t * size + a, mask=held, other=0)
                    term *= tl.load(factors[n] + edge * factor_size + j, mask=held, other=0)
                elif WEIGHTED:
                    p = tl.load(factor_places + t * size + a, mask=held, other=0)
                    at = (edge * factor_size + p) * channels + u
                    term *= tl.load(factors[n] + at, mask=real, other=0)
                total += term
        if WEIGHTS:
            found = tl.where(known, total, float("nan"))
            at = (edge * size + a) * channels + u
            tl.store(out + at, found, mask=(u < channels) & (a < size))
            total = tl.zeros((CHANNELS, COMPONENTS), out.dtype.element_ty)
    if not WEIGHTS:
        found = tl.where(known, tl.sum(total, 0)[None, :], float("nan"))
        tl.store(out + edge * size + a, found, mask=a < size)
