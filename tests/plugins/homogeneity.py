"""Your own analysis in one file: the degree of an operation in what it is said to be linear in.

Doubling these inputs multiplies the output by 2^degree. Ask it with
`python -m bench analyse homogeneity --with homogeneity.py --operation gaunt --lmax 2`.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, of
from bench.record.rows import Reading
from impls.operation import Operation


def measure(built: BuiltCase) -> Iterable[Reading]:
    """Yield log2 |f(2x)| / |f(x)|, with the degree that the operation declares."""
    arrays = built.arrays()
    degrees = {name: d for name, d in built.operation.linear_in if name in arrays}
    doubled = {name: 2 * a if name in degrees else a for name, a in arrays.items()}
    once, twice = (np.linalg.norm(built.outputs(a)["z"]) for a in (arrays, doubled))
    yield Reading(
        "homogeneity", float(np.log2(twice / once)), detail={"says": sum(degrees.values())}
    )


def read(rows: Rows) -> Iterator[Record]:
    """Yield a line for each case: where the two differ, the command ends with 1."""
    for row in of(rows, "homogeneity"):
        yield {"degree": round(row["value"], 6), "expected_degree": row["detail"]["says"]}


def applies(operation: Operation) -> bool:
    """Return whether it has coefficients: a product of the two inputs x and y."""
    return operation.coefficients is not None


PROBES = (Probe("homogeneity", measure),)
ANALYSES = (
    Analysis(
        "homogeneity",
        "Degree in the inputs, as measured and as declared.",
        ("homogeneity",),
        read,
        applies,
        "--operation gaunt --lmax 2",
        "A line for each case: the degree as measured, and as declared.",
        "Where the two differ the command ends with 1.",
    ),
)
