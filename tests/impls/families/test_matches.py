"""Family matches: what is drawn, how poses move, which elements there are, refusals."""

import numpy as np
import pytest

from impls.families.matches import FAMILY, NOISE, ask, match_poses, pose_space
from impls.streams import Streams

ASKED = ask(6, channels=3, batch=40, dtype="float64")


def most_explained(inputs, i):
    """Return how many matches of a pair the best pose of one of them explains."""
    counts = []
    for f, g, p, q in zip(*(inputs[name][i] for name in "fgpq"), strict=True):
        u, _, vt = np.linalg.svd(g.T @ f)
        r = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        off = inputs["q"][i] - q - (inputs["p"][i] - p) @ r.T
        counts.append((np.linalg.norm(off, axis=1) < 15 * NOISE).sum())
    return max(counts)


@pytest.mark.parametrize("data", FAMILY.data)
def test_as_many_matches_are_right_as_the_data_say(data):
    asked = ask(8, channels=8, batch=20, data=data, dtype="float64")
    inputs = FAMILY.draw(asked, Streams(0))
    wanted = 8 - round(8 * float(data.partition(":")[2]))
    found = [most_explained(inputs, i) for i in range(20)]
    assert min(found) >= wanted and np.median(found) == wanted


def test_a_pose_moves_as_both_clouds_do():
    inputs, spaces = FAMILY.draw(ASKED, Streams(0)), FAMILY.inputs(ASKED)
    rng = np.random.default_rng(2)
    pose = rng.standard_normal((40, 6, 3, 4))
    for g in FAMILY.group(ASKED).sample(rng, 8):
        space = match_poses(ASKED)
        p, moved = inputs["p"], spaces["p"].act(g, inputs["p"])
        q = np.einsum("bnxy,bny->bnx", pose[..., :3], p) + pose[..., 3]
        carried = space.act(g, pose)
        again = np.einsum("bnxy,bny->bnx", carried[..., :3], moved) + carried[..., 3]
        np.testing.assert_allclose(again, spaces["q"].act(g, q), atol=1e-12)
        f, turned = inputs["f"], spaces["f"].act(g, inputs["f"])
        seen = np.einsum("bnxy,bncy->bncx", pose[..., :3], f)
        seen_again = np.einsum("bnxy,bncy->bncx", carried[..., :3], turned)
        np.testing.assert_allclose(seen_again, spaces["g"].act(g, seen), atol=1e-12)


@pytest.mark.parametrize("space", [match_poses(ASKED), pose_space(ASKED, 1)])
def test_gradients_of_poses_are_moved_by_the_dual(space):
    rng = np.random.default_rng(3)
    one, other, d = rng.standard_normal((3, *space.shape))
    for g in FAMILY.group(ASKED).sample(rng, 4):
        moved = space.act(g, one) - space.act(g, other)
        paired = np.vdot(space.gradient().act(g, d), moved)
        assert paired == pytest.approx(np.vdot(d, one - other), rel=1e-11)


def test_each_subgroup_moves_both_clouds_and_inversion_moves_them_at_once():
    subgroups = FAMILY.group(ASKED).subgroups
    assert set(subgroups) == {"rotation", "inversion", "translation", "permutation"}
    rng = np.random.default_rng(4)
    for name in ("rotation", "translation"):
        for g in subgroups[name].sample(rng, 3):
            assert np.abs(g["first"] - g["second"]).max() > 0.1
            assert (np.sort(g["matches"]) == g["matches"]).all()
    (g,) = subgroups["inversion"].sample(rng, 1)
    np.testing.assert_array_equal(g["first"], np.diag([-1, -1, -1, 1]))
    np.testing.assert_array_equal(g["first"], g["second"])
    signs = {
        tuple(round(np.linalg.det(g[end][:3, :3])) for end in ("first", "second"))
        for g in FAMILY.group(ASKED).sample(rng, 30)
    }
    assert signs == {(1, 1), (-1, -1)}


def test_facets_say_what_is_asked():
    wanted = {"outliers": 0.5, "matches": 6, "channels": 3, "batch": 40}
    assert FAMILY.facets(ASKED) == wanted


@pytest.mark.parametrize(
    ("asked", "said"),
    [(ask(2), "matches=2"), (ask(channels=1), "channels=1"), (ask(data="outliers:2"), "outliers")],
)
def test_what_fixes_no_pose_is_refused(asked, said):
    assert said in str(FAMILY.check(asked))
