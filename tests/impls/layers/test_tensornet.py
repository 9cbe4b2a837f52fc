"""The interaction of TensorNet: on matrices, node by node, with the basis that e3nn derives."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, irreps_of, problem
from impls.inputs.named import counts_of
from impls.layers.tensornet.operation import OPERATION, radial_of

PROBLEMS = {
    "o3": ask(irreps_node="0e+1o+2e", irreps_edge="0e", data="edges:CH4+H2O@2",
              channels=3, dtype="float64"),
    "so3": ask(irreps_node="2+0+1", irreps_edge="0", data="loose:6x20",
               channels=2, dtype="float64"),
}  # fmt: skip


def parts(a):
    """Return the trace, the antisymmetric and the symmetric traceless part of matrices."""
    trace = np.trace(a, axis1=-2, axis2=-1)[..., None, None] * np.eye(3) / 3
    turned = np.swapaxes(a, -2, -1)
    return trace, (a - turned) / 2, (a + turned) / 2 - trace


def by_degree(asked, a):
    """Return components [..., 9] in the order 0, 1, 2."""
    node = irreps_of(asked)[0]
    order = sorted(range(3), key=lambda i: node.items[i][1].l)
    return np.concatenate([a[..., node.slices()[i]] for i in order], axis=-1)


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_equal_to_the_layer_on_matrices(asked, e3nn, judge, distance):
    from e3nn import o3

    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    change = [o3.wigner_3j(1, 1, d, dtype=e3nn.tensor(0).dtype).numpy() for d in range(3)]
    turned = [np.moveaxis(c, -1, 0) * (2 * d + 1) ** 0.5 for d, c in enumerate(change)]
    basis = np.concatenate(turned)
    degrees = [ir.l for _, ir in irreps_of(asked)[0]]

    def linear(name, a):  # weights are in the order of the irreps of nodes
        each = parts(a)
        return sum(
            np.einsum("nuij,uw->nwij", each[degree], w)
            for degree, w in zip(degrees, weights[name], strict=True)
        )

    def normalised(a):
        return a / (1 + (a**2).sum(axis=(-2, -1), keepdims=True))

    x = normalised(np.einsum("ncd,dij->ncij", by_degree(asked, inputs["x"]), basis))
    y = linear("A", x)
    w = e3nn.radial(asked, radial_of(asked), inputs["v"], weights).numpy()
    w = w.reshape(len(w), 3, -1, 1, 1)
    m = np.zeros_like(y)
    for e, (source, target) in enumerate(zip(inputs["src"], inputs["dst"], strict=True)):
        m[target] += sum(w[e, d] * part for d, part in enumerate(parts(y[source])))
    p = y @ m + m @ y if irreps_of(asked)[0].parity else 2 * y @ m
    z = linear("B", normalised(p))
    wanted = x + z + z @ z
    found = by_degree(asked, OPERATION.oracle(asked, inputs, weights)["z"])
    found = np.einsum("ncd,dij->ncij", found, basis)
    assert distance(found, wanted) < 1e-12
    assert np.abs(z @ z).max() > 1e-4 * np.abs(wanted).max()


def test_a_node_without_neighbours_keeps_its_normalised_feature(judge):
    asked = ask(irreps_node="0e+1o+2e", irreps_edge="0e", data="loose:5x1", channels=2)
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    alone = np.setdiff1d(np.arange(counts_of(asked)[0]), inputs["dst"])
    x = inputs["x"][alone]
    wanted = x / (1 + (x**2).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(OPERATION.oracle(asked, inputs, weights)["z"][alone], wanted)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"irreps_node": "0e+1o", "irreps_edge": "0e"}, "matrix"),
        ({"irreps_node": "0e+1o+2o", "irreps_edge": "0e"}, "matrix"),
        ({"irreps_node": "0e+1o+2e", "irreps_edge": "0e+1o"}, "direction"),
        ({"irreps_node": "0e+1o+2e", "irreps_edge": "0e", "irreps_out": "0e"}, "irreps of nodes"),
    ],
)
def test_what_is_no_matrix_is_refused(options, said):
    refused = OPERATION.supports(ask(**options, channels=2))
    assert refused is not None and said in refused.reason and refused.remedy
    assert "lengths" in str(OPERATION.supports(problem("truncated", 2, given="harmonics")))
