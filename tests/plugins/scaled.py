"""Your own operation in one file, with an algorithm: the first scalar of x times all of y.

Check it with `python -m bench check scaled.py`, and ask what it can express with
`python -m bench analyse expressivity --operation scaled --with scaled.py`.
"""

import numpy as np

from impls.algorithm import Algorithm
from impls.families.product import irreps_of, shape_of
from impls.implementation import Built
from impls.operation import Operation, exact
from impls.problem import Refusal
from impls.so3.space import irreps_space


def outputs(problem):
    irreps = irreps_of(problem)[1]
    return {"z": irreps_space(shape_of(problem, irreps), irreps)}


def product(problem, inputs, weights):
    return {"z": inputs["x"][..., :1] * inputs["y"]}


def coefficients(problem):
    degrees = [ir.l for mul, ir in irreps_of(problem)[1] for _ in range(mul)]
    return {(0, i, i): float(np.sqrt(2 * l + 1)) for i, l in enumerate(degrees)}  # noqa: E741


def refused(problem):
    _, first = next(iter(irreps_of(problem)[0]))
    if first.l or first.p == -1:
        return Refusal(f"x begins with {first}, which is no scalar", "ask for x = 0e+1o")
    return None


OPERATION = Operation(
    name="scaled",
    family="product",
    summary="the first scalar of x times y",
    papers=(),
    claims=exact("rotation", "inversion"),
    outputs=outputs,
    oracle=product,
    cost=lambda problem: {"flops": float(np.prod(shape_of(problem, irreps_of(problem)[1])))},
    linear_in=(("x", 1), ("y", 1)),
    coefficients=coefficients,
    supports=refused,
)


def broadcast(problem, b, options):
    return Built(lambda inputs, weights: {"z": inputs["x"][..., :1] * inputs["y"]})


ALGORITHM = Algorithm("scaled", "broadcast", "one broadcast product", broadcast)
