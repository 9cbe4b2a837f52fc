"""Layers of patches: values by independent libraries, and which shifts they keep."""

from itertools import product

import numpy as np
import pytest

from impls.families.images import FAMILY, ask, shifted
from impls.registry import load
from impls.streams import Streams

torch = pytest.importorskip("torch")
REGISTRY = load()
LAYERS = ("patch_embedding", "window_attention", "subsampled_attention")
ANCHORED = (*(f"polyphase_{name}" for name in LAYERS), "adaptive_polyphase_sampling")


def question(size=16, patch=4, batch=2, **options):
    return ask(size, patch=patch, channels=3, embed=5, batch=batch, dtype="float64", **options)


def drawn(name, asked):
    """Return the operation as a function of images, and images."""
    operation = REGISTRY.operation(name)
    rng = np.random.default_rng(3)
    weights = {key: space.sample(rng) for key, space in operation.weights(asked).items()}
    images = FAMILY.draw(asked, Streams(5))["image"]

    def layer(image):
        one = asked.with_sizes(batch=len(image))
        return operation.oracle(one, {"image": image}, weights)["y"]

    return layer, images, weights


def moved_by_some_shift(a, b):
    """Tell whether a [rows, columns, n] is b, shifted around by any number of places."""
    return any(
        np.allclose(a, np.roll(b, steps, (0, 1)), atol=1e-12) for steps in np.ndindex(b.shape[:2])
    )


def kept(name, asked):
    """Return the share of all circular shifts under which outputs of one image only move."""
    layer, images, _ = drawn(name, asked)
    said = layer(images[:1])[0]
    shifts = list(np.ndindex(images.shape[1:3]))
    moved = np.concatenate([np.roll(images[:1], steps, (1, 2)) for steps in shifts])
    return np.mean([moved_by_some_shift(after, said) for after in layer(moved)])


def test_a_patch_embedding_is_a_strided_convolution():
    layer, images, weights = drawn("patch_embedding", question())
    kernel = torch.tensor(weights["kernel"]).permute(3, 2, 0, 1)
    theirs = torch.nn.functional.conv2d(torch.tensor(images).permute(0, 3, 1, 2), kernel, stride=4)
    np.testing.assert_allclose(layer(images), theirs.permute(0, 2, 3, 1), atol=1e-12)


def test_attention_is_that_of_a_library():
    layer, images, w = drawn("window_attention", question())
    corner = torch.tensor(images[:1, :4, 4:8].reshape(1, 16, 3))
    q, k, v = (corner @ torch.tensor(w[name]) for name in "qkv")
    theirs = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    np.testing.assert_allclose(layer(images)[:1, :4, 4:8].reshape(1, 16, 5), theirs, atol=1e-12)


def test_sampling_is_a_component_of_a_convolution_around_the_torus():
    layer, images, w = drawn("adaptive_polyphase_sampling", question())
    kernel = torch.tensor(w["kernel"]).permute(3, 2, 0, 1)
    wrapped = torch.nn.functional.pad(
        torch.tensor(images).permute(0, 3, 1, 2), (0, 3, 0, 3), mode="circular"
    )
    whole = torch.nn.functional.conv2d(wrapped, kernel).permute(0, 2, 3, 1).numpy()
    for said, sample in zip(layer(images), whole, strict=True):
        parts = [sample[i::4, j::4] for i, j in product(range(4), repeat=2)]
        np.testing.assert_allclose(said, max(parts, key=np.linalg.norm), atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_plain_layers_keep_shifts_by_whole_patches_alone(name):
    assert kept(name, question(8)) == 1 / 16


@pytest.mark.parametrize("data", ["dominant", "normal"])
@pytest.mark.parametrize("name", ANCHORED)
def test_anchored_layers_keep_every_circular_shift(name, data):
    assert kept(name, question(8, data=data)) == 1
    assert kept(name, question(9, 3, data=data)) == 1


@pytest.mark.parametrize("name", ANCHORED[:3])
def test_components_of_the_same_norm_keep_no_more_than_plain_layers(name):
    """Adaptive sampling is not among them: what it compares has been convolved."""
    asked = question(8, data="ties")
    assert kept(name, asked) == 1 / 16
    assert "circular_shift" not in FAMILY.group(asked).subgroups


def test_a_shift_that_loses_pixels_changes_more_than_the_border():
    layer, images, _ = drawn("polyphase_patch_embedding", question(32, batch=8))
    lost = layer(shifted((2, 3, False), images))
    whole = layer(images)
    inner = [
        any(
            np.allclose(a[2:-2, 2:-2], np.roll(b, s, (0, 1))[2:-2, 2:-2])
            for s in product((0, 1), repeat=2)
        )
        for a, b in zip(lost, whole, strict=True)
    ]
    assert any(inner), "with one strong component most images keep their inside"
    assert not any(map(moved_by_some_shift, lost, whole))


def test_anchoring_does_not_reach_through_a_layer_of_larger_stride():
    """Tokens move by any number of places: merging 2 x 2 of them asks for an anchor again."""
    layer, images, _ = drawn("polyphase_patch_embedding", question(16, batch=1))
    merge, _, _ = drawn("patch_embedding", ask(4, patch=2, channels=5, embed=3, dtype="float64"))
    anchor, _, _ = drawn(
        "polyphase_patch_embedding", ask(4, patch=2, channels=5, embed=3, dtype="float64")
    )
    said = layer(images)
    moved = [layer(np.roll(images, (step, 0), (1, 2))) for step in range(16)]
    assert np.mean([moved_by_some_shift(merge(a)[0], merge(said)[0]) for a in moved]) == 0.5
    assert all(moved_by_some_shift(anchor(a)[0], anchor(said)[0]) for a in moved)


def test_sizes_that_no_patch_divides_are_refused():
    refusal = FAMILY.check(ask(10, patch=4))
    assert refusal and "height=10 is no multiple of patch=4" in str(refusal)
    assert "use height=12" in str(refusal)
