"""Neighbour graphs: against ASE, symmetries, shells, unions, bad inputs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from impls.inputs.graphs import Graph, graph, neighbours, union
from impls.inputs.structures import Structure, names, rattled, structure

CRYSTALS = tuple(name for name in names() if structure(name).cell is not None)
SKEWED = Structure(
    "skewed",
    np.array([1, 6, 8]),
    np.array([[0.1, 0.2, 0.3], [-4.0, 9.0, 1.5], [1.0, 1.0, -7.0]]),
    np.array([[3.0, 0.0, 0.0], [2.6, 2.9, 0.0], [-1.9, 2.2, 3.1]]),
    "made up",
)
# Neighbours in the first shell [count, element of the centre, of the neighbour], cutoff [Å].
COORDINATION = [
    ("diamond", 1.7, 6, 6, 4),
    ("silicon", 2.5, 14, 14, 4),
    ("copper", 2.8, 29, 29, 12),
    ("iron", 2.6, 26, 26, 8),
    ("magnesium", 3.3, 12, 12, 12),
    ("rocksalt", 3.0, 11, 17, 6),
    ("zincblende", 2.5, 30, 16, 4),
    ("perovskite", 2.0, 22, 8, 6),
    ("perovskite", 2.8, 38, 8, 12),
]


def _lexsorted(dst, src, vectors):
    """Sort edges so that rounding noise cannot swap two of them."""
    keys = np.round(vectors, 6) + 0.0
    order = np.lexsort((*keys.T[::-1], src, dst))
    return dst[order], src[order], vectors[order]


def _compare(left, right):
    for a, b in zip(left[:2], right[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(left[2], right[2], rtol=0, atol=1e-10)


def _against_ase(atoms, cutoff):
    ase = pytest.importorskip("ase", reason="ASE is the oracle of neighbour lists")
    from ase.neighborlist import neighbor_list

    found = neighbours(atoms, cutoff)
    oracle = ase.Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.cell is not None)
    dst, src, vectors = neighbor_list("ijD", oracle, cutoff)
    _compare(_lexsorted(found.dst, found.src, found.vectors), _lexsorted(dst, src, vectors))
    return found


@pytest.mark.parametrize("cutoff", [1.9, 4.1])
@pytest.mark.parametrize("name", names())
def test_neighbours_equal_ase(name, cutoff):
    _against_ase(structure(name), cutoff)


@pytest.mark.parametrize("name", CRYSTALS)
def test_neighbours_equal_ase_beyond_the_cell(name):
    crystal = structure(name)
    cutoff = 7.3
    assert cutoff > np.linalg.norm(crystal.cell, axis=1).max()
    found = _against_ase(crystal, cutoff)
    assert np.any(found.src == found.dst)


@pytest.mark.parametrize("cutoff", [2.2, 8.05])
def test_neighbours_equal_ase_in_a_skewed_cell_with_atoms_outside(cutoff):
    _against_ase(SKEWED, cutoff)
    _against_ase(replace(SKEWED, cell=SKEWED.cell[[1, 0, 2]]), cutoff)


@pytest.mark.parametrize("seed", range(8))
def test_neighbours_equal_ase_in_random_cells(seed):
    rng = np.random.default_rng(seed)
    cell = 4.0 * rng.standard_normal((3, 3))
    n = int(rng.integers(1, 6))
    atoms = Structure("random", np.ones(n, int), 10 * rng.standard_normal((n, 3)), cell, "drawn")
    _against_ase(atoms, 3.7)


def test_neighbours_equal_ase_in_a_rattled_supercell():
    _against_ase(rattled(structure("rocksalt:2x2x1"), 0.1, np.random.default_rng(3)), 5.0)


@pytest.mark.parametrize(("name", "cutoff", "centre", "partner", "count"), COORDINATION)
def test_first_shell_has_the_known_coordination(name, cutoff, centre, partner, count):
    crystal = structure(name)
    found = neighbours(crystal, cutoff)
    mine = found.dst == np.flatnonzero(crystal.numbers == centre)[0]
    assert int(np.sum(crystal.numbers[found.src[mine]] == partner)) == count


@pytest.mark.parametrize("atoms", [structure("CH3CH2OH"), structure("perovskite"), SKEWED])
def test_every_edge_has_its_exact_reverse_and_none_is_repeated(atoms):
    found = neighbours(atoms, 6.1)
    edges = [*zip(found.src, found.dst, *found.vectors.T, strict=True)]
    reverse = [*zip(found.dst, found.src, *-found.vectors.T, strict=True)]
    assert len(set(edges)) == len(edges)
    assert set(edges) == set(reverse)
    assert np.linalg.norm(found.vectors, axis=1).min() > 0


def test_vector_points_from_receiver_to_sender():
    found = neighbours(structure("HF"), 1.0)
    positions = structure("HF").positions
    np.testing.assert_array_equal(found.vectors, positions[found.src] - positions[found.dst])
    assert list(zip(found.dst, found.src, strict=True)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("name", ["C6H6", "diamond", "magnesium:2x1x1"])
def test_edges_are_sorted_and_reproducible(name):
    first, second = graph(name, 4.1), graph(name, 4.1)
    order = np.lexsort((*first.vectors.T[::-1], first.src, first.dst))
    np.testing.assert_array_equal(order, np.arange(len(first.src)))
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert first.src.dtype == first.dst.dtype == np.int64
    assert first.vectors.dtype == np.float64


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "atoms", [structure("C4H4O"), structure("zincblende"), structure("magnesium"), SKEWED]
)
def test_neighbours_follow_translation_rotation_and_permutation(atoms, seed):
    rng = np.random.default_rng(seed)
    before = neighbours(atoms, 5.3)

    moved = neighbours(replace(atoms, positions=atoms.positions + rng.uniform(-50, 50, 3)), 5.3)
    _compare(
        _lexsorted(moved.dst, moved.src, moved.vectors),
        _lexsorted(before.dst, before.src, before.vectors),
    )

    turn = Rotation.random(rng=rng).as_matrix()
    cell = None if atoms.cell is None else atoms.cell @ turn.T
    turned = neighbours(replace(atoms, positions=atoms.positions @ turn.T, cell=cell), 5.3)
    _compare(
        _lexsorted(turned.dst, turned.src, turned.vectors @ turn),
        _lexsorted(before.dst, before.src, before.vectors),
    )

    order = rng.permutation(len(atoms.numbers))
    mixed = replace(atoms, numbers=atoms.numbers[order], positions=atoms.positions[order])
    shuffled = neighbours(mixed, 5.3)
    _compare(
        _lexsorted(order[shuffled.dst], order[shuffled.src], shuffled.vectors),
        _lexsorted(before.dst, before.src, before.vectors),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("name", "shells", "count"),
    [("rocksalt", 1.0, 6 + 12 + 8 + 6), ("copper", 1.0, 12 + 6), ("iron", 2**0.5, 8 + 6 + 12)],
)
def test_shell_at_the_cutoff_counts_whole(name, shells, count, seed):
    crystal = structure(name)
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    shift = np.random.default_rng(seed).uniform(-9, 9, 3)
    turned = replace(
        crystal, positions=crystal.positions @ turn.T + shift, cell=crystal.cell @ turn.T
    )
    found = neighbours(turned, shells * crystal.cell[0, 0])
    assert set(np.bincount(found.dst).tolist()) == {count}


def test_supercell_has_as_many_neighbours_per_atom():
    one, many = graph("perovskite", 4.0), graph("perovskite:2x3x1", 4.0)
    np.testing.assert_array_equal(np.tile(np.bincount(one.dst), 6), np.bincount(many.dst))


def test_lone_atom_has_no_edges_and_meets_its_images_only():
    atom = Structure("atom", np.array([1]), np.zeros((1, 3)), None, "made up")
    assert neighbours(atom, 5.0).vectors.shape == (0, 3)
    repeated = neighbours(replace(atom, cell=np.eye(3)), 1.1)
    assert len(repeated.src) == 6
    assert neighbours(replace(atom, cell=np.eye(3)), 0.9).nodes == 1


def test_no_atoms_give_the_empty_graph():
    nothing = Structure("nothing", np.zeros(0, int), np.zeros((0, 3)), np.eye(3), "made up")
    for atoms in (nothing, replace(nothing, cell=None)):
        found = neighbours(atoms, 2.0)
        assert (found.nodes, found.vectors.shape) == (0, (0, 3))


def test_union_is_disjoint_and_keeps_the_order():
    parts = [graph(name, 2.5) for name in ("CH4", "H2O", "diamond:2x1x1")]
    whole = graph("CH4+H2O+diamond:2x1x1", 2.5)
    assert whole.nodes == 5 + 3 + 16
    np.testing.assert_array_equal(whole.vectors, np.concatenate([p.vectors for p in parts]))
    starts = np.repeat([0, 5, 8], [len(p.src) for p in parts])
    np.testing.assert_array_equal(whole.src - starts, np.concatenate([p.src for p in parts]))
    np.testing.assert_array_equal(whole.dst - starts, np.concatenate([p.dst for p in parts]))
    pairs = np.searchsorted([5, 8], [whole.src, whole.dst], side="right")
    np.testing.assert_array_equal(pairs[0], pairs[1])


def test_union_is_associative_with_the_empty_graph_as_identity():
    a, b, c = (graph(name, 2.0) for name in ("NH3", "HF", "copper"))
    expected = union([a, b, c])
    for other in (
        union([union([a, b]), c]),
        union([a, union([b, c])]),
        union([expected, union([])]),
    ):
        assert other.nodes == expected.nodes
        for field in ("src", "dst", "vectors"):
            np.testing.assert_array_equal(getattr(other, field), getattr(expected, field))


@pytest.mark.parametrize("cutoff", [0, -1.5, np.nan, np.inf])
def test_cutoff_must_be_positive_and_finite(cutoff):
    with pytest.raises(ValueError, match=f"cutoff must be a positive, finite .* not {cutoff}"):
        graph("H2O", cutoff)


@pytest.mark.parametrize("cell", [np.zeros((3, 3)), np.ones((3, 3)), np.diag([4.0, 4.0, 0.0])])
def test_flat_cell_is_refused(cell):
    flat = Structure("flat", np.array([1]), np.zeros((1, 3)), cell, "made up")
    with pytest.raises(ValueError, match="'flat' has volume 0 Å³; give three independent"):
        neighbours(flat, 2.0)


@pytest.mark.parametrize("cell", [None, 3 * np.eye(3)])
def test_atoms_at_the_same_place_are_refused(cell):
    place = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0]], float) + (0 if cell is None else [0, 3, 0])
    clash = Structure("clash", np.array([1, 1, 1]), place, cell, "made up")
    with pytest.raises(ValueError, match="atoms 1 and 2 of 'clash' are 0 Å apart"):
        neighbours(clash, 0.5)


@pytest.mark.parametrize("name", ["H2O+", "+", "CH4++H2O", "CH4+nothing"])
def test_union_of_an_unknown_name_is_refused(name):
    with pytest.raises(ValueError, match="no structure is called"):
        graph(name, 2.0)


@pytest.mark.parametrize(
    ("src", "dst", "vectors", "nodes", "message"),
    [
        ([0], [0], np.ones((1, 3)), -1, "nodes must not be negative"),
        ([0], [0], np.ones((1, 2)), 1, r"vectors must be finite of shape \[e, 3\]"),
        ([0], [0], np.full((1, 3), np.nan), 1, "vectors must be finite"),
        ([0, 0], [0], np.ones((1, 3)), 1, r"src must be integers of shape \[1\]"),
        ([0], [0.0], np.ones((1, 3)), 1, r"dst must be integers of shape \[1\]"),
        ([0], [1], np.ones((1, 3)), 1, "dst must be within 0 and 0"),
        ([-1], [0], np.ones((1, 3)), 1, "src must be within 0 and 0"),
    ],
)
def test_impossible_graph_is_refused(src, dst, vectors, nodes, message):
    with pytest.raises(ValueError, match=message):
        Graph(np.array(src), np.array(dst), vectors, nodes)


def test_arrays_of_a_graph_are_read_only():
    found = graph("H2O", 1.2)
    for array in (found.src, found.dst, found.vectors):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_positions_are_those_of_open_structures():
    found = graph("H2O+CH4", 2.0)
    np.testing.assert_array_equal(found.positions[:3], structure("H2O").positions)
    difference = found.positions[found.src] - found.positions[found.dst]
    np.testing.assert_allclose(found.vectors, difference, atol=1e-15)
    assert graph("diamond", 1.6).positions is None and graph("H2O+diamond", 1.6).positions is None
    with pytest.raises(ValueError, match=r"positions must have shape \[3, 3\]"):
        replace(graph("H2O", 2.0), positions=np.zeros((2, 3)))
