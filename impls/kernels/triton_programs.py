r"""Three Triton programs that loop over the terms of each component of an output.

    sum_rows        each row n              out[a, n] = sum of c l[i, n] r[j, n]
    sum_at_nodes    each node, channel u    out[a, u] = sum of c y[end, b, u] s[e, j] w[e, p, u]
    at_edges        each edge e             out[a, u] = sum of c x[src, i, u] g[dst, k, u] s[e, j]
                    and each channel u      out[a] = sum of c x[src, i, u] g[dst, k, u] w[e, p, u]

Sums are over the terms of a, at nodes over the edges there too, at edges over u where out has none.
Coefficients c and the places i, j, ... are arguments (`impls.kernels.terms`): nothing is unrolled
or generated for a problem, and a program is compiled once for a data type and a width. All threads
read the same term; neighbouring threads take neighbouring rows or channels, which lie side by side
(`impls.kernels.memory`). Tensors come as tuples, with one for each term of a derivative
(`impls.kernels.derivative`). No message is stored, and nothing is added atomically: the same call
returns the same bits.

An index out of range cannot raise without waiting for the device. What depends on it is NaN; every
node is, if an edge ends at none.
"""

import triton
import triton.language as tl


@triton.jit
def sum_rows(
    out,
    lefts,
    rights,
    begins,
    left_places,
    right_places,
    numbers,
    samples,
    size,
    ROWS: tl.constexpr,
    COMPONENTS: tl.constexpr,
):
    """Write COMPONENTS x ROWS of an output [size, samples]."""
    block = tl.program_id(0).to(tl.int64)
    row, wide = block * ROWS + tl.arange(0, ROWS), block * 0 + samples
    real = row < samples
    start = tl.program_id(1) * COMPONENTS
    for a in range(start, tl.minimum(start + COMPONENTS, size)):
        total = tl.zeros((ROWS,), out.dtype.element_ty)
        for t in range(tl.load(begins + a), tl.load(begins + a + 1)):
            i, j = tl.load(left_places + t) * wide, tl.load(right_places + t) * wide
            c = tl.load(numbers + t)
            for n in tl.static_range(len(lefts)):
                left = tl.load(lefts[n] + i + row, mask=real, other=0)
                total += c * left * tl.load(rights[n] + j + row, mask=real, other=0)
        tl.store(out + a * wide + row, total, mask=real)


@triton.jit(do_not_specialize=["nodes", "edges"])
def sum_at_nodes(
    out,
    order,
    first,
    ends,
    others,
    harmonics,
    weights,
    begins,
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
    """Write COMPONENTS x CHANNELS of a node of an output [nodes, size, channels].

    With ONE_PATH, all terms of a component have the path of its first.
    """
    node = tl.program_id(0).to(tl.int64)
    u = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    real = u < channels
    everywhere = (tl.load(first) == 0) & (tl.load(first + nodes) == edges)
    start = tl.program_id(2) * COMPONENTS
    for a in range(start, tl.minimum(start + COMPONENTS, size)):
        begin, stop = tl.load(begins + a), tl.load(begins + a + 1)
        total = tl.zeros((CHANNELS,), out.dtype.element_ty)
        for place in range(tl.load(first + node), tl.load(first + node + 1)):
            edge = tl.load(order + place)
            end = tl.load(ends + edge).to(tl.int64)
            known = (end >= 0) & (end < nodes)
            end = tl.where(known, end, 0) * other_size
            for n in tl.static_range(len(others)):
                message = tl.zeros((CHANNELS,), out.dtype.element_ty)
                for t in range(begin, stop):
                    at = (end + tl.load(other_places + t)) * channels
                    c = tl.load(numbers + t)
                    c *= tl.load(harmonics[n] + edge * harmonic_size + tl.load(harmonic_places + t))
                    term = c * tl.load(others[n] + at + u, mask=real, other=0)
                    if WEIGHTED and not ONE_PATH:
                        at = (edge * weight_size + tl.load(weight_places + t)) * channels
                        term *= tl.load(weights[n] + at + u, mask=real, other=0)
                    message += term
                if WEIGHTED and ONE_PATH:
                    p = tl.load(weight_places + begin, mask=begin < stop, other=0)
                    at = (edge * weight_size + p) * channels
                    factor = tl.load(weights[n] + at + u, mask=real, other=0)
                    message *= tl.where(begin < stop, factor, 0.0)
                total += message
            total = tl.where(known, total, float("nan"))
        total = tl.where(everywhere, total, float("nan"))
        tl.store(out + (node * size + a) * channels + u, total, mask=real)


@triton.jit(do_not_specialize=["nodes"])
def at_edges(
    out,
    src,
    dst,
    features,
    cotangents,
    factors,
    begins,
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
    start, stop = tl.load(src + edge).to(tl.int64), tl.load(dst + edge).to(tl.int64)
    known = (start >= 0) & (start < nodes) & (stop >= 0) & (stop < nodes)
    start = tl.where(known, start, 0) * feature_size
    stop = tl.where(known, stop, 0) * cotangent_size
    chunk = tl.program_id(1) * COMPONENTS
    for a in range(chunk, tl.minimum(chunk + COMPONENTS, size)):
        total = tl.zeros((CHANNELS,), out.dtype.element_ty)
        for block in range(0, channels, CHANNELS):
            u = block + tl.arange(0, CHANNELS)
            real = u < channels
            for t in range(tl.load(begins + a), tl.load(begins + a + 1)):
                i = (start + tl.load(feature_places + t)) * channels
                k = (stop + tl.load(cotangent_places + t)) * channels
                at = edge * factor_size
                if WEIGHTS or WEIGHTED:
                    at += tl.load(factor_places + t)
                c = tl.load(numbers + t)
                for n in tl.static_range(len(features)):
                    term = c * tl.load(features[n] + i + u, mask=real, other=0)
                    term *= tl.load(cotangents[n] + k + u, mask=real, other=0)
                    if WEIGHTS:
                        term *= tl.load(factors[n] + at)
                    elif WEIGHTED:
                        term *= tl.load(factors[n] + at * channels + u, mask=real, other=0)
                    total += term
            if WEIGHTS:
                found = tl.where(known, total, float("nan"))
                tl.store(out + (edge * size + a) * channels + u, found, mask=real)
                total = tl.zeros((CHANNELS,), out.dtype.element_ty)
        if not WEIGHTS:
            found = tl.where(known, tl.sum(total, 0), float("nan"))
            tl.store(out + edge * size + a, found)
