"""The graph pairs of BREC, by category, which the Weisfeiler-Lehman test cannot tell apart.

They are those of [@wang2024], and no part of the suite (`impls.inputs.sets`). A file has lines of
graph6, two by two those of a pair.
"""

from __future__ import annotations

import io

import numpy as np

from impls.inputs import sets
from impls.inputs.graph6 import Adjacency, decode

SET = "brec"
FILES = {
    "basic": "basic.npy",
    "regular": "regular.npy",
    "strongly_regular": "str.npy",
    "four_vertex": "4vtx.npy",
    "distance_regular": "dr.npy",
    "extension": "extension.npy",
    "cfi": "cfi.npy",
}
"""The file of each category."""

Pairs = tuple[tuple[Adjacency, Adjacency], ...]


def pairs(category: str) -> Pairs:
    """Return the pairs of a category, each of two adjacencies [n, n].

    Raises:
        ValueError: where the set is not here, or a file of it holds no pairs of graphs.
    """
    return read(sets.named(SET).read(FILES[category]))


def read(content: bytes) -> Pairs:
    """Return the pairs of a file.

    Raises:
        ValueError: for a line that is no graph6, or a pair of graphs of unequal sizes.
    """
    lines = np.load(io.BytesIO(content), allow_pickle=False).reshape(-1, 2)
    found = tuple((decode(_text(one)), decode(_text(other))) for one, other in lines)
    for number, (first, second) in enumerate(found):
        if len(first) != len(second):
            raise ValueError(f"pair {number}: {len(first)} and {len(second)} nodes")
    return found


def _text(line: str | bytes) -> str:
    return line.decode("ascii") if isinstance(line, bytes) else str(line)
