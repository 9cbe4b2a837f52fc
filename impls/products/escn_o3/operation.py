r"""SO(2) linear maps in the frame of an edge, restricted to what inversion allows.

The map of `escn` with h only where p_out = p_in (-1)^(l_in + l_out), which is everywhere for
features of natural parity, and k only elsewhere [@passaro2023]. Inversion turns the sense of
rotation about the edge, so the weights k of `escn` change sign under it; without them a pair of
degrees keeps min(l_in, l_out) + 1 weights of 2 min(l_in, l_out) + 1, the Clebsch-Gordan paths of
even l_in + l_out + l2. It claims rotations and inversion; formula, weights and cost are those of
`escn`.
"""

from __future__ import annotations

from impls.products.escn.operation import convolution

OPERATION = convolution(
    "escn_o3", "SO(2) linear map in the frame of an edge that keeps inversion", parity=True
)
