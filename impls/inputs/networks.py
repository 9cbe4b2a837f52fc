"""Shapes of published networks: the irreps and channels of a convolution in an inner layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from impls.so3.irreps import Irreps


@dataclass(frozen=True)
class Network:
    """One network: irreps of nodes, harmonics and outputs, and a graph of the kind it works on.

    Numbers of channels that differ between degrees are copies of an irrep: 32 channels of
    0+0+0+0+1+1+2 are 128x0+64x1+32x2. A network whose labels are all even is one of rotations only:
    degrees without parity. `data` names the graph as the family points does.
    """

    paper: str
    node: str
    edge: str
    out: str
    channels: int
    data: str

    @property
    def irreps(self) -> tuple[str, str, str]:
        """Return the irreps (nodes, harmonics, outputs) as sizes have them."""
        node, edge, out = (str(Irreps.parse(part)) for part in (self.node, self.edge, self.out))
        return node, edge, out


MOLECULES = "edges:CH3CH2OH+C6H6+C5H5N+CH3COOH+CH3NO2+C4H4O@5"
NEAR = MOLECULES.replace("@5", "@4")
SILICON = "edges:silicon:2x2x2@5"
NATURAL = "0e+1o+2e+3o"
BOTH = "0e+0o+1o+1e+2e+2o+3o+3e"

NETWORKS: Mapping[str, Network] = {
    # configs/full.yaml of mir-group/nequip: both parities up to 1, 32 features
    "nequip": Network("batzner2022", "0e+0o+1o+1e", "0e+1o", "0e+0o+1o+1e", 32, NEAR),
    # configs/3bpa.yaml of mir-group/nequip: both parities up to 3, 64 features
    "nequip-3bpa": Network("batzner2022", BOTH, "0e+1o+2e+3o", BOTH, 64, MOLECULES),
    # NequIP-OAM-L, l_max 3, as PASSIONLab/OpenEquivariance#211 has its convolution: 32 features of
    # natural parity, 23 paths
    "nequip-oam-l": Network("batzner2022", NATURAL, NATURAL, NATURAL, 32, SILICON),
    # defaults of mace/tools/arg_parser.py: 128x0e+128x1o, max_ell 3, r_max 5
    "mace": Network("batatia2022", "0e+1o", "0e+1o+2e+3o", "0e+1o+2e+3o", 128, SILICON),
    # sevenn/presets/sevennet-0.yaml: 128x0e+64x1e+32x2e
    "sevennet-0": Network("park2024", "0+0+0+0+1+1+2", "0+1+2", "0+1+2", 32, SILICON),
    # sevenn/presets/sevennet-l3i5.yaml: 128x0e+64x1e+32x2e+32x3e
    "sevennet-l3i5": Network("park2024", "0+0+0+0+1+1+2+3", "0+1+2+3", "0+1+2+3", 32, SILICON),
    # SevenNet-MF-ompa: 128x0e+64x1o+32x2e+32x3o
    "sevennet-mf-ompa": Network(
        "park2024", "0e+0e+0e+0e+1o+1o+2e+3o", NATURAL, NATURAL, 32, SILICON
    ),
    # QM9 models of atomicarchitects/equiformer: 128x0e+64x1e+32x2e, radius 5
    "equiformer": Network("liao2023", "0+0+0+0+1+1+2", "0+1+2", "0+1+2", 32, MOLECULES),
}
"""From the code of the papers; the edges are those of the graph."""
