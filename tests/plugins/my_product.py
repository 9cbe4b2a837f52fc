"""Your own method in one file: the Clebsch-Gordan product as one einsum in PyTorch.

Check it with `python -m bench check my_product.py`, and measure it beside all others with
`python -m bench run --profile quick --with my_product.py --select clebsch_gordan`.
"""

import numpy as np

from impls.families.product import irreps_of
from impls.implementation import Built, Implementation
from impls.products.clebsch_gordan.operation import paths_of


def build(problem, target, options):
    import torch

    first, second, _ = irreps_of(problem)
    paths = paths_of(problem)
    table = np.zeros((first.dim, second.dim, paths[-1].out.stop))
    for path in paths:
        table[path.in1, path.in2, path.out] = path.tensor
    couplings = torch.tensor(table, dtype=getattr(torch, problem.dtype), device=target.device)

    def call(inputs, weights):
        return {"z": torch.einsum("ijk,bci,bcj->bck", couplings, inputs["x"], inputs["y"])}

    return Built(call, kernel="one einsum")


MY_PRODUCT = Implementation("clebsch_gordan", "my_einsum", "torch", build, papers=("geiger2022",))
