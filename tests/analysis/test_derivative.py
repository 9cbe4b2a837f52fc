import numpy as np
import pytest

from analysis.derivative import directional, mixed

RNG = np.random.default_rng(3)
X, Y, W = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 5)), RNG.standard_normal((3, 5, 2))
DX, DY, DW, C = (RNG.standard_normal(s) for s in ((4, 3), (4, 5), (3, 5, 2), (4, 2)))


def bilinear(inputs, weights):
    return {"z": np.einsum("bi,bj,ijk->bk", inputs["x"], inputs["y"], weights["w"])}


def contract(x, y, w):
    return float(np.sum(C * bilinear({"x": x, "y": y}, {"w": w})["z"]))


@pytest.mark.parametrize("linear_in", [(("x", 1), ("y", 1), ("w", 1)), (("x", 1),), ()])
def test_trilinear(linear_in):
    found = directional(
        bilinear,
        {"x": X, "y": Y},
        {"w": W},
        {"x": DX, "y": DY},
        {"w": DW},
        {"z": C},
        linear_in,
    )
    exact = contract(DX, Y, W) + contract(X, DY, W) + contract(X, Y, DW)
    assert found == pytest.approx(exact, rel=1e-14 if len(linear_in) == 3 else 1e-10)


@pytest.mark.parametrize("degree", [2, 3, 4, 5])
def test_powers_are_exact(degree):
    def power(inputs, weights):
        return {"z": inputs["x"] ** degree}

    found = directional(
        power, {"x": X}, {}, {"x": 1e3 * DX}, {}, {"z": np.ones_like(X)}, (("x", degree),)
    )
    assert found == pytest.approx(1e3 * degree * np.sum(X ** (degree - 1) * DX), rel=1e-13)


def test_smooth_map_by_central_differences():
    def smooth(inputs, weights):
        return {"u": np.sin(inputs["x"] @ weights["m"]), "v": np.exp(-inputs["x"])}

    m, dm = RNG.standard_normal((3, 3)), RNG.standard_normal((3, 3))
    cotangent = {"u": RNG.standard_normal((4, 3)), "v": RNG.standard_normal((4, 3))}
    found = directional(smooth, {"x": X}, {"m": m}, {"x": DX}, {"m": dm}, cotangent)
    cosine = np.cos(X @ m)
    exact = np.sum(cotangent["u"] * cosine * (DX @ m + X @ dm))
    exact -= np.sum(cotangent["v"] * np.exp(-X) * DX)
    assert found == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("waves", [1.0, 50.0, 200.0])
def test_maps_that_vary_much_faster_than_their_inputs(waves):
    """Smaller steps are taken where a difference of sixth order may be off, and only there."""
    calls = []

    def wavy(inputs, weights):
        calls.append(0)
        return {"z": np.sin(waves * inputs["x"])}

    x = np.array([0.3, 0.7, 1.1])
    found = directional(wavy, {"x": x}, {}, {"x": np.ones(3)}, {}, {"z": x})
    assert found == pytest.approx(waves * np.sum(x * np.cos(waves * x)), rel=5e-11)
    assert len(calls) == {1: 8, 50: 16, 200: 24}[waves]


def test_maps_whose_third_derivative_jumps_nearby():
    def bent(inputs, weights):
        return {"z": np.sin(inputs["x"]) + np.maximum(inputs["x"] - 0.7002, 0) ** 3}

    x = np.array([0.3, 0.7, 1.1])
    found = directional(bent, {"x": x}, {}, {"x": np.ones(3)}, {}, {"z": np.ones(3)})
    exact = np.sum(np.cos(x) + 3 * np.maximum(x - 0.7002, 0) ** 2)
    assert found == pytest.approx(exact, rel=1e-10)


def test_float32_inputs_are_differentiated_in_float64_and_indices_stay():
    def gather(inputs, weights):
        assert inputs["x"].dtype == np.float64 and inputs["i"].dtype == np.int32
        return {"z": inputs["x"][inputs["i"]] ** 2}

    inputs = {"x": X[:, 0].astype(np.float32), "i": np.array([0, 0, 2], np.int32)}
    cotangent = {"z": np.array([1.0, 2.0, 3.0])}
    found = directional(gather, inputs, {}, {"x": DX[:, 0]}, {}, cotangent)
    x = inputs["x"].astype(float)
    assert found == pytest.approx(6 * x[0] * DX[0, 0] + 6 * x[2] * DX[2, 0], rel=1e-10)


def test_no_direction_is_no_derivative_and_zero_bases_work():
    arguments = bilinear, {"x": X, "y": Y}, {"w": W}
    assert directional(*arguments, {}, {}, {"z": C}) == 0.0
    assert directional(*arguments, {"x": 0 * DX}, {}, {"z": C}) == 0.0
    found = directional(bilinear, {"x": 0 * X, "y": Y}, {"w": W}, {"x": DX}, {}, {"z": C})
    assert found == pytest.approx(contract(DX, Y, W), rel=1e-10)


@pytest.mark.parametrize("direction", [{"i": np.ones(4)}, {"q": DX}, {"x": DX[0]}])
def test_bad_directions_are_refused(direction):
    inputs = {"x": X, "i": np.zeros(4, int)}
    with pytest.raises(ValueError, match="no real array"):
        directional(lambda a, w: {"z": a["x"]}, inputs, {}, direction, {}, {"z": X})


@pytest.mark.parametrize("linear_in", [(("x", 1), ("y", 1), ("w", 1)), (("x", 1),), ()])
def test_mixed_derivatives_of_a_trilinear_map(linear_in):
    inputs, weights = {"x": X, "y": Y}, {"w": W}
    rel = {3: 1e-13, 1: 1e-9, 0: 1e-7}[len(linear_in)]
    for second, exact in (
        (("y", DY), contract(DX, DY, W)),
        (("w", DW), contract(DX, Y, DW)),
        (("x", X), 0.0),
    ):
        found = mixed(bilinear, inputs, weights, ("x", DX), second, {"z": C}, linear_in)
        assert found == pytest.approx(exact, rel=rel, abs=rel * abs(contract(DX, DY, W)))


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_mixed_derivatives_of_powers(degree):
    def power(inputs, weights):
        return {"z": inputs["x"] ** degree}

    found = mixed(
        power, {"x": X}, {}, ("x", DX), ("x", X + 1), {"z": np.ones_like(X)}, (("x", degree),)
    )
    exact = np.sum(degree * (degree - 1) * X ** (degree - 2) * DX * (X + 1))
    assert found == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("waves", [1.0, 300.0, 2000.0])
def test_mixed_derivatives_of_maps_that_vary_much_faster_than_their_inputs(waves):
    """As frames of a cloud do whose spectrum is nearly degenerate."""
    calls = []

    def wavy(inputs, weights):
        calls.append(0)
        return {"z": np.sin(waves * (inputs["x"] + inputs["y"]))}

    x, y, one = np.array([0.3, 0.7, 1.1]), np.array([0.2, -0.4, 0.1]), np.ones(3)
    found = mixed(wavy, {"x": x, "y": y}, {}, ("x", one), ("y", one), {"z": x})
    assert found == pytest.approx(-(waves**2) * np.sum(x * np.sin(waves * (x + y))), rel=1e-7)
    assert (len(calls) == 36) is (waves == 1)


def test_mixed_derivatives_name_a_wrong_direction():
    with pytest.raises(ValueError, match="direction 'v' matches no real array"):
        mixed(bilinear, {"x": X, "y": Y}, {"w": W}, ("x", DX), ("v", DY), {"z": C})
