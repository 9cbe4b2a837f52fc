"""Data near which frames, angles and products degenerate."""

from __future__ import annotations

import numpy as np

from impls.families import edge, product
from impls.streams import Streams


def drawn(family, asked, seed=0):
    return family.draw(asked, Streams(seed))


def test_edges_on_the_axes_and_near_the_poles():
    asked = edge.problem(1, data="poles", channels=1, edges=44)
    assert edge.FAMILY.check(asked) is None and edge.FAMILY.facets(asked)["data"] == "poles"
    v = drawn(edge.FAMILY, asked)["v"]
    length = np.linalg.norm(v, axis=-1)
    assert np.all((length >= 1) & (length <= 1.5))
    unit = v / length[:, None]
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    np.testing.assert_allclose(unit[:6], axes, atol=1e-15)
    np.testing.assert_allclose(unit[22:28], axes, atol=1e-15)
    angle = np.arcsin(np.hypot(unit[6:22, 0], unit[6:22, 2]))
    np.testing.assert_allclose(angle, np.repeat(10.0 ** -np.arange(1, 9), 2), rtol=1e-6)
    np.testing.assert_array_equal(np.sign(unit[6:22, 1]), [1.0, -1.0] * 8)
    other = edge.problem(1, data="equator")
    assert "edge draws normal or poles" in str(edge.FAMILY.check(other))


def test_vectors_that_are_parallel_or_zero():
    vectors = {"irreps_in1": product.VECTORS, "irreps_out": product.VECTORS}
    asked = product.ask(**vectors, data="parallel", channels=2, batch=16)
    assert product.FAMILY.check(asked) is None
    assert product.FAMILY.facets(asked)["data"] == "parallel"
    arrays = drawn(product.FAMILY, asked)
    v, u = arrays["x"][..., 1:], arrays["y"][..., 1:]
    sine = np.linalg.norm(np.cross(v, u), axis=-1) / np.linalg.norm(v, axis=-1) ** 2
    near = np.tile(10.0 ** -np.arange(1, 9), 2)[:, None]
    assert np.all((sine > 1e-3 * near) & (sine < 30 * near))
    zeros = drawn(product.FAMILY, product.ask(**vectors, data="zeros", batch=6))
    assert not zeros["x"][::2, :, 1:].any() and not zeros["y"][::2, :, 1:].any()
    assert zeros["x"][..., 0].all() and zeros["x"][1::2].all()
    other = product.ask(**vectors, data="edge")
    assert "product draws 'normal'" in str(product.FAMILY.check(other))
