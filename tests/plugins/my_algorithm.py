"""Your own algorithm in one file and three frameworks: the Clebsch-Gordan product path by path.

It becomes `clebsch_gordan.numpy_by_path`, `torch_by_path` and `jax_by_path`. Check all three with
`python -m bench check my_algorithm.py`.
"""

from impls.algorithm import Algorithm
from impls.implementation import Built
from impls.products.clebsch_gordan.operation import paths_of


def by_path(problem, b, options):
    paths = paths_of(problem)
    tables = [b.table(path.tensor.reshape(-1, path.ir3.dim)) for path in paths]

    def call(inputs, weights):
        x, y = inputs["x"], inputs["y"]
        parts = []
        for path, table in zip(paths, tables, strict=True):
            pairs = x[..., path.in1][..., :, None] * y[..., path.in2][..., None, :]
            parts.append(pairs.reshape(*x.shape[:-1], -1) @ table)
        return {"z": b.concatenate(parts, -1)}

    return Built(call, kernel="one matrix product a path")


ALGORITHM = Algorithm("clebsch_gordan", "by_path", "path by path", by_path, papers=("geiger2022",))
