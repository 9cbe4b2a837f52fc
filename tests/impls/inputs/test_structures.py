"""Structures: table of molecules, prototypes of crystals, supercells, bad names."""

from collections import Counter

import numpy as np
import pytest

from impls.inputs.structures import Structure, names, rattled, structure

MOLECULES = tuple(name for name in names() if structure(name).cell is None)
CRYSTALS = tuple(name for name in names() if structure(name).cell is not None)
CONTENTS = {
    "diamond": {6: 8},
    "silicon": {14: 8},
    "copper": {29: 4},
    "iron": {26: 2},
    "magnesium": {12: 2},
    "rocksalt": {11: 4, 17: 4},
    "zincblende": {30: 4, 16: 4},
    "perovskite": {38: 1, 22: 1, 8: 3},
}
PROTOTYPES = {
    "diamond": ("C", "diamond"),
    "silicon": ("Si", "diamond"),
    "copper": ("Cu", "fcc"),
    "iron": ("Fe", "bcc"),
    "rocksalt": ("NaCl", "rocksalt"),
    "zincblende": ("ZnS", "zincblende"),
}
# Mass density [g/cm³] of the handbooks, an independent check of lattice constants and contents.
DENSITY = {
    "diamond": (3.51, {6: 12.011}),
    "silicon": (2.33, {14: 28.085}),
    "copper": (8.96, {29: 63.546}),
    "iron": (7.87, {26: 55.845}),
    "magnesium": (1.74, {12: 24.305}),
    "rocksalt": (2.165, {11: 22.990, 17: 35.45}),
    "zincblende": (4.09, {30: 65.38, 16: 32.06}),
    "perovskite": (5.12, {38: 87.62, 22: 47.867, 8: 15.999}),
}


@pytest.mark.parametrize("name", MOLECULES)
def test_molecule_equals_the_distributed_collection(name):
    g2 = pytest.importorskip("ase.collections", reason="ASE is the oracle of the G2 table").g2
    np.testing.assert_array_equal(structure(name).numbers, g2[name].numbers)
    np.testing.assert_array_equal(structure(name).positions, g2[name].positions)
    assert "curtiss1997" in structure(name).source


def test_table_has_at_least_twenty_molecules_and_no_single_atoms():
    assert len(MOLECULES) >= 20
    assert min(len(structure(name).numbers) for name in MOLECULES) > 1


@pytest.mark.parametrize("name", CRYSTALS)
def test_crystal_has_contents_and_density(name):
    crystal = structure(name)
    density, masses = DENSITY[name]
    contents = Counter(crystal.numbers.tolist())
    assert contents == CONTENTS[name]
    mass = 1.66053907 * sum(masses[number] * count for number, count in contents.items())
    assert mass / np.linalg.det(crystal.cell) == pytest.approx(density, rel=0.015)
    assert "[@" in crystal.source


@pytest.mark.parametrize("name", PROTOTYPES)
def test_crystal_equals_ase_prototype(name):
    build = pytest.importorskip("ase.build", reason="ASE is the oracle of the prototypes")
    formula, prototype = PROTOTYPES[name]
    crystal = structure(name)
    other = build.bulk(formula, prototype, a=crystal.cell[0, 0], cubic=True)
    ours = sorted(_sites(crystal.numbers, crystal.positions, crystal.cell))
    assert ours == sorted(_sites(other.numbers, other.positions, other.cell.array))


def _sites(numbers, positions, cell):
    fractions = np.round(np.linalg.solve(cell.T, positions.T).T, 9) % 1.0
    return [(int(n), *map(float, site)) for n, site in zip(numbers, fractions, strict=True)]


@pytest.mark.parametrize("name", CRYSTALS)
def test_supercell_repeats_the_cell(name):
    unit, large = structure(name), structure(f"{name}:2x1x3")
    assert large.name == f"{name}:2x1x3"
    assert large.source == unit.source
    np.testing.assert_allclose(large.cell, np.diag([2, 1, 3]) @ unit.cell)
    np.testing.assert_array_equal(large.numbers, np.tile(unit.numbers, 6))
    steps = (large.positions - np.tile(unit.positions, (6, 1))) @ np.linalg.inv(unit.cell)
    expected = [(i, 0, k) for i in range(2) for k in range(3) for _ in unit.numbers]
    np.testing.assert_allclose(steps, expected, atol=1e-12)


def test_plain_name_is_the_single_cell():
    plain, single = structure("diamond"), structure("diamond:1x1x1")
    np.testing.assert_array_equal(plain.positions, single.positions)
    np.testing.assert_array_equal(plain.cell, single.cell)


def test_names_are_unique_and_free_of_separators():
    assert len(set(names())) == len(names())
    assert not any(separator in name for name in names() for separator in "+:")


@pytest.mark.parametrize("name", ["unobtainium", "", " H2O", "diamond ", "H2O+CH4"])
def test_unknown_name_is_named_and_alternatives_are_listed(name):
    with pytest.raises(ValueError, match="no structure is called") as caught:
        structure(name)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in names())


@pytest.mark.parametrize("size", ["", "2", "2x2", "0x1x1", "-1x1x1", "2x2x2x2", "2X2X2", "1x1x²"])
def test_unreadable_supercell_is_refused(size):
    with pytest.raises(ValueError, match="must be three counts from 1"):
        structure(f"diamond:{size}")


def test_molecule_has_no_supercell():
    with pytest.raises(ValueError, match="is a molecule and has no supercell '2x2x2'"):
        structure("H2O:2x2x2")


def test_rattled_is_reproducible_and_has_the_width_asked_for():
    crystal = structure("copper:8x8x8")
    moved = rattled(crystal, 0.1, np.random.default_rng(7))
    again = rattled(crystal, 0.1, np.random.default_rng(7))
    np.testing.assert_array_equal(moved.positions, again.positions)
    np.testing.assert_array_equal(moved.cell, crystal.cell)
    assert (moved.positions - crystal.positions).std() == pytest.approx(0.1, rel=0.05)
    assert moved.name != crystal.name
    still = rattled(crystal, 0.0, np.random.default_rng(7))
    np.testing.assert_array_equal(still.positions, crystal.positions)


@pytest.mark.parametrize("sigma", [-0.1, np.inf, np.nan])
def test_rattled_refuses_an_impossible_width(sigma):
    with pytest.raises(ValueError, match="sigma must be a finite length"):
        rattled(structure("H2O"), sigma, np.random.default_rng(0))


def test_arrays_are_copied_and_read_only():
    positions = np.zeros((1, 3))
    atom = Structure("atom", np.array([1]), positions, np.eye(3), "made up")
    positions[0, 0] = 1.0
    assert atom.positions[0, 0] == 0.0
    for array in (atom.numbers, atom.positions, atom.cell):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    ("numbers", "positions", "cell", "message"),
    [
        ([1.5], np.zeros((1, 3)), None, "numbers of 'bad' must be integers from 1"),
        ([0], np.zeros((1, 3)), None, "numbers of 'bad' must be integers from 1"),
        ([[1]], np.zeros((1, 3)), None, "numbers of 'bad' must be integers from 1"),
        ([1], np.zeros((2, 3)), None, r"positions of 'bad' must have shape \[1, 3\]"),
        ([1], np.zeros((1, 2)), None, r"positions of 'bad' must have shape \[1, 3\]"),
        ([1], np.full((1, 3), np.nan), None, "positions of 'bad' must be finite"),
        ([1], np.zeros((1, 3)), np.ones(3), r"cell of 'bad' must have shape \[3, 3\]"),
        ([1], np.zeros((1, 3)), np.full((3, 3), np.inf), "cell of 'bad' must be finite"),
    ],
)
def test_impossible_structure_is_refused(numbers, positions, cell, message):
    with pytest.raises(ValueError, match=message):
        Structure("bad", np.array(numbers), positions, cell, "made up")
