"""Data near which frames, angles and products degenerate."""

from __future__ import annotations

import numpy as np

from impls.families import product
from impls.streams import Streams


def drawn(family, asked, seed=0):
    return family.draw(asked, Streams(seed))


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
