r"""Graphs as lines of text: the format graph6, and graphs that have no places.

A line has characters of six bits, each 63 more than its number [@mckay2014]. Of a graph of n nodes
the first character is n; from 63 nodes on it is 63, and n follows in three characters, or after two
of these in six. The bits of the others are the upper triangle of its adjacency A column by column,

    A_01, A_02 A_12, A_03 A_13 A_23, ..

filled up with zeros. Graphs are simple and have no direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from impls.inputs.clouds import stretched
from impls.inputs.graphs import Graph

Adjacency = NDArray[np.bool_]
"""A symmetric matrix [n, n] without a diagonal."""
HEADER = ">>graph6<<"
FIRST, BITS = 63, 6
LONG = 63
"""What stands before a number of nodes in three characters, and twice before one in six."""


def decode(text: str) -> Adjacency:
    """Return the adjacency [n, n] of a graph.

    >>> decode("Bw").astype(int).tolist()
    [[0, 1, 1], [1, 0, 1], [1, 1, 0]]

    Raises:
        ValueError: for what is no line of graph6.
    """
    line = text.removeprefix(HEADER)
    values = np.array([ord(c) - FIRST for c in line], np.int64)
    if not len(values) or values.min() < 0 or values.max() > LONG:
        raise ValueError(f"{_short(text)} is no graph6: its characters are those from '?' to '~'")
    n, values = _number(text, values)
    pairs = n * (n - 1) // 2
    if len(values) != -(-pairs // BITS):
        raise ValueError(
            f"{_short(text)} is no graph6: a graph of {n} nodes has {-(-pairs // BITS)} characters "
            f"after its number of nodes, and this has {len(values)}"
        )
    bits = (values[:, None] >> np.arange(BITS)[::-1] & 1).ravel().astype(bool)
    if bits[pairs:].any():
        raise ValueError(f"{_short(text)} is no graph6: it does not end with zeros")
    adjacency = np.zeros((n, n), bool)
    adjacency[np.tril_indices(n, -1)] = bits[:pairs]
    return adjacency | adjacency.T


def _number(text: str, values: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Return the number of nodes, and the characters that follow it."""
    long = int(values[0] == LONG) + int((values[:2] == LONG).all() and len(values) > 1)
    digits = values[long : long + (1, 3, 6)[long]]
    if len(digits) < (1, 3, 6)[long]:
        raise ValueError(f"{_short(text)} is no graph6: its number of nodes is cut off")
    places = 1 << BITS * np.arange(len(digits))[::-1]
    return int(digits @ places), values[long + len(digits) :]


def encode(adjacency: Adjacency) -> str:
    """Return the line of a graph of adjacency [n, n].

    >>> encode(decode("DQc"))
    'DQc'

    Raises:
        ValueError: for a matrix that is not square and symmetric, or has a diagonal.
    """
    a = np.asarray(adjacency, bool)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or (a != a.T).any() or a.diagonal().any():
        raise ValueError("an adjacency is a symmetric matrix [n, n] without a diagonal")
    n, bits = len(a), a[np.tril_indices(len(a), -1)]
    filled = np.concatenate([bits, np.zeros(-len(bits) % BITS, bool)]).reshape(-1, BITS)
    values = [*_digits(n), *(filled @ (1 << np.arange(BITS)[::-1])).tolist()]
    return "".join(chr(FIRST + value) for value in values)


def _digits(n: int) -> list[int]:
    """Return the characters of a number of nodes, less FIRST."""
    if n < LONG:
        return [n]
    long = 1 if n < LONG << 12 else 2
    count = (1, 3, 6)[long]
    return [LONG] * long + [n >> BITS * place & 63 for place in reversed(range(count))]


def graph(text: str) -> Graph:
    """Return a graph whose edges go both ways, sorted by the node that receives.

    It has no places: vectors of edges are along random directions, of lengths 1..1.5, which depend
    on the numbers of nodes and edges alone.

    Raises:
        ValueError: as `decode`.
    """
    adjacency = decode(text)
    dst, src = np.nonzero(adjacency)
    rng = np.random.default_rng([len(adjacency), len(src)])
    return Graph(src, dst, stretched(rng, rng.standard_normal((len(src), 3))), len(adjacency))


def _short(text: str) -> str:
    return repr(text if len(text) <= 32 else f"{text[:29]}...")
