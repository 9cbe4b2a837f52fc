r"""HEALPix: 12 n^2 points of equal areas, on rings of the sphere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def healpix(nside: int) -> Array:
    r"""Return the centres [12 nside^2, 3] of pixels of equal area, ring by ring from the pole y.

    Ring i = 1 .. 4 nside - 1 of the northern half has its cosine and azimuths at [@gorski2005]

        i < nside:  1 - i^2 / (3 nside^2),  pi / (2 i) (j - 1/2),       j = 1 .. 4 i
        else:       4/3 - 2 i / (3 nside),  pi / (2 nside) (j - s / 2),  j = 1 .. 4 nside

    with s = (i - nside + 1) mod 2; the southern half is its mirror image. Quarter turns about the
    pole keep the points. Raises ValueError for nside < 1.

    >>> healpix(1).shape, healpix(1)[0].round(3).tolist()
    ((12, 3), [0.527, 0.667, 0.527])
    """
    if nside < 1:
        raise ValueError(f"nside={nside}: there is one ring of pixels about the pole at least")
    rings = []
    for i in range(1, 4 * nside):
        north = min(i, 4 * nside - i)
        if north < nside:
            count, cosine, shift = 4 * north, 1 - north**2 / (3 * nside**2), 0.5
        else:
            count, cosine = 4 * nside, 4 / 3 - 2 * north / (3 * nside)
            shift = ((north - nside + 1) % 2) / 2
        azimuth = 2 * np.pi * (np.arange(1, count + 1) - shift) / count
        height = np.copysign(cosine, 2 * nside - i + 0.5)
        sine = np.sqrt(1 - cosine**2)
        ring = [sine * np.sin(azimuth), np.full(count, height), sine * np.cos(azimuth)]
        rings.append(np.stack(ring, axis=-1))
    return np.concatenate(rings)
