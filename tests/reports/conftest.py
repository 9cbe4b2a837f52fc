"""A synthetic run with everything that a page must cope with: rounds, failures, a plug-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analysis.coupling import HeatMap
from bench.record.rows import Reading, Row, Store, write_json
from reports.figures import couplings

HOSTILE = "<script>alert(1)</script> $x^2$ \"quoted\" & 'single' _{u} \u202eevil\x07"
PRODUCT = {"setting": "mimo", "symmetry": "o3", "lmax": 1, "channels": 1, "batch": 1000}
LIMIT = 1e-5
NATURAL = ("0e", "0e+1o", "0e+1o+2e", "0e+1o+2e+3o", "0e+1o+2e+3o+4e", "", "0e+1o+2e+3o+4e+5o+6e")
SIZES = {
    lmax: {
        "irreps_in1": NATURAL[lmax], "irreps_in2": NATURAL[lmax], "irreps_out": NATURAL[2 * lmax],
        "channels": 1, "batch": 1000,
    }
    for lmax in (1, 2, 3)
}  # fmt: skip
BASELINE = "clebsch_gordan.torch_e3nn"


class Writer:
    """Writes rows of a run as the engine does: probes first, the row `case` last."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.directory = directory
        self.planned: list[dict[str, Any]] = []
        self.environment = self.store.facts(
            "environments",
            {"python": "3.11.7", "packages": {"torch": "2.13.0", "jax": "0.10.2"}, "device": "cpu"},
        )
        self.machine = self.store.facts("machines", {"cpu": "A Processor", "cores": 2, "gpus": []})

    def case(
        self,
        implementation: str,
        facets: Mapping[str, Any] = PRODUCT,
        *,
        time: float = 1e-4,
        pass_: str = "fwd",
        rounds: int = 1,
        family: str = "product",
        status: str = "ok",
        reason: str = "",
        error: float | None = 1e-7,
        groups: Mapping[str, tuple[float, bool]] | None = None,
        dim: tuple[int | None, int] | None = None,
        full: int | None = None,
        detail: Mapping[str, Any] | None = None,
        extra: Mapping[str, tuple[float, str]] | None = None,
        device: str = "cpu",
        mode: str = "eager",
        kernels: float | None = None,
        drop: tuple[str, ...] = (),
        flags: tuple[str, ...] = (),
        draws: int | None = None,
        protocol: str = "p1",
        sizes: Mapping[str, Any] | None = None,
        knobs: str = "",
    ) -> None:
        operation, _, name = implementation.partition(".")
        where = "-".join(str(v) if isinstance(v, str) else f"{k}{v}" for k, v in facets.items())
        problem = f"{family}/{where}/float32"
        turned = f"{{{knobs}}}" if knobs else ""
        columns = {
            "case": f"{problem}::{implementation}{turned}/{pass_}/{mode}@{device}-ieee-t1",
            "problem": problem,
            "family": family,
            "operation": operation,
            "implementation": implementation,
            "framework": name.split("_")[0] if name[:3] in ("jax", "num") else "torch",
            "dtype": "float32",
            "data": "normal",
            "seed": 0,
            "pass": pass_,
            "mode": mode,
            "device": device,
            "precision": "ieee",
            "threads": 1,
            **{f"facet.{k}": v for k, v in facets.items()},
            **{f"size.{k}": v for k, v in (sizes or {}).items()},
            **({} if draws is None else {"draws": draws}),
        }
        key = f"key{len(self.planned):04d}"
        self.plan(key, columns)
        for number in range(rounds):
            readings: list[tuple[Reading, str, str, str]] = []
            if status != "skip":
                over = error is not None and error > LIMIT
                readings.append(
                    (
                        Reading("error.fwd", error, n=1, passed=not over, limit=LIMIT),
                        "1",
                        "wrong" if over else "ok",
                        "error.fwd is too large" if over else "",
                    )
                )
                for group, (value, claimed) in (groups or {"rotation": (2e-7, True)}).items():
                    limit = LIMIT if claimed else None
                    reading = Reading(f"equiv.{group}", value, n=4, claimed=claimed, limit=limit)
                    readings.append((reading, "1", "ok", ""))
                for probe, (value, unit) in (extra or {"mem.peak.rss": (4096.0, "B")}).items():
                    readings.append((Reading(probe, value, n=1), unit, "ok", ""))
                if dim:
                    for probe in ("dim", "span"):
                        more = {"gap": 1e14, "verdict": "certain"}
                        more |= {} if full is None else {"full": full}
                        reading = Reading(
                            f"expressivity.{probe}", dim[0], n=1, detail=more, expected=dim[1]
                        )
                        readings.append((reading, "1", "skip" if dim[0] is None else "ok", ""))
                samples = [time * (1 + 0.01 * i + 0.1 * number) for i in range(9)]
                if status == "ok":
                    reading = Reading("time.host", samples[4], samples[1], samples[7], 9, samples)
                    readings.append((reading, "s", "ok", ""))
                if status == "ok" and kernels is not None:
                    ran = [kernels * (1 + 0.01 * i + 0.1 * number) for i in range(9)]
                    more = {"launches": 12, "gaps": 3e-6, "copies": 0}
                    reading = Reading("time.kernels", ran[4], ran[1], ran[7], 9, ran, more)
                    readings.append((reading, "s", "ok", ""))
            told = {
                "layout": "mul_ir", "kernel": "", "baseline": implementation == BASELINE,
                **(detail or {}),
            }  # fmt: skip
            readings.append((Reading("case", 1.0, n=1, detail=told), "s", status, reason))
            rows = [
                self.row(key, number, columns, *r, flags, protocol)
                for r in readings
                if r[0].probe not in drop
            ]
            self.store.append(rows)

    def row(
        self, key: str, number: int, columns: Mapping[str, Any], reading: Reading, unit: str,
        status: Any, reason: str, flags: tuple[str, ...], protocol: str,
    ) -> Row:  # fmt: skip
        return Row(
            run="run0", round=number, attempt=f"a{key}-{number}", key=key, case=columns,
            reading=reading, unit=unit, status=status, reason=reason,
            quality={"flags": list(flags)} if flags else {},
            provenance={
                "machine": self.machine, "environment": self.environment, "protocol": protocol,
                "commit": "0123456789abcdef", "dirty": True, "t0": "2026-11-23T09:00:00+00:00",
            },
        )  # fmt: skip

    def plan(self, key: str, columns: Mapping[str, Any]) -> None:
        self.planned.append(
            {
                "key": key, "id": columns["case"], "problem": columns["problem"],
                "implementation": columns["implementation"], "pass": columns["pass"],
            }
        )  # fmt: skip
        commands = [{"command": "python -m bench run --profile test", "run": "run0"}]
        plan = {"profile": "test", "protocol": "p1", "commands": commands, "cases": self.planned}
        write_json(self.directory / "plan.json", plan)


def fill(writer: Writer) -> None:
    """Write a run that has one of everything."""
    claims = {"rotation": (2e-7, True), "inversion": (1e-8, True)}
    rotation_only = {"rotation": (2e-7, True), "inversion": (0.79, False)}
    for lmax, dims in ((1, (5, 5)), (2, (14, 14)), (3, (30, 30))):
        at = {**PRODUCT, "lmax": lmax}
        for pass_, factor in (("fwd", 1.0), ("grad", 3.0)):
            base = 1e-4 * lmax**3 * factor
            shared: dict[str, Any] = {"facets": at, "pass_": pass_, "groups": claims}
            shared["sizes"] = SIZES[lmax]
            first = dims if pass_ == "fwd" else None
            writer.case(BASELINE, time=base, rounds=3, dim=first, full=dims[0], **shared)
            writer.case(
                "clebsch_gordan.jax_sparse", time=base / 5, rounds=3, **shared,
                detail={"layout": "ir_mul", "kernel": "fused"},
                extra={"mem.peak.xla": (3.5e6, "B"), "time.first": (0.4, "s")},
            )  # fmt: skip
            writer.case(
                "gaunt.torch_fourier", time=base / 9, rounds=3, **shared,
                dim=(4 * lmax + 1, 4 * lmax + 1) if pass_ == "fwd" else None, full=dims[0],
            )  # fmt: skip
            writer.case(
                "matrix.torch_dense",
                time=base / 2,
                pass_=pass_,
                facets=at,
                groups=rotation_only,
                flags=("unsteady",),
            )
    at3 = {**PRODUCT, "lmax": 3}
    writer.case("clebsch_gordan.torch_wrong", at3, time=1.2345e-9, error=0.5, status="wrong",
                reason="error.fwd is 5.00e-01, above the tolerance 1e-05")  # fmt: skip
    writer.case("clebsch_gordan.torch_lying", at3, time=1.2345e-9, error=0.5)
    writer.case("clebsch_gordan.torch_ungated", at3, time=1.2345e-9, drop=("error.fwd",))
    writer.case("clebsch_gordan.torch_big", at3, status="oom", reason="asked for 900 GiB",
                error=None)  # fmt: skip
    writer.case("clebsch_gordan.jax_peer", at3, status="skip", reason="not installed: peer")
    writer.case(f"hostile.{HOSTILE}", at3, time=5e-5, status="ok", detail={"kernel": HOSTILE})
    writer.case("hostile.torch_crash", at3, status="crash", reason=HOSTILE, error=None)
    fill_plug_in(writer)
    writer.plan("never", {
        "case": "product/x::clebsch_gordan.late/fwd/eager@cpu-ieee-t1", "problem": "product/x",
        "implementation": "clebsch_gordan.late", "pass": "fwd",
    })  # fmt: skip


def fill_plug_in(writer: Writer) -> None:
    """Write cases of a family that the suite does not know."""
    for width in (16, 32):
        writer.case(
            "blur.torch_pool", {"filter": "binomial", "width": width}, family="image", time=2e-4,
            groups={"circular_shift": (3e-7, True), "zero_fill_shift": (0.2, False)},
            detail={"operation_summary": "anti-aliased pooling", "paths": 3},
            extra={"energy.call": (0.02, "J")},
        )  # fmt: skip


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("run")
    fill(Writer(directory))
    return directory


@pytest.fixture(scope="session")
def report(run_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from reports.build import build

    out = tmp_path_factory.mktemp("report")
    build(run_directory, out)
    return out


@pytest.fixture(scope="session")
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "run")


@pytest.fixture
def built(tmp_path: Path) -> Callable[[Writer], str]:
    from reports.build import build

    def make(writer: Writer) -> str:
        build(writer.directory, tmp_path / "out")
        return (tmp_path / "out" / "index.html").read_text(encoding="utf-8")

    return make


@pytest.fixture
def small(writer: Writer) -> Path:
    """Return a run with two families and one figure."""
    writer.case(BASELINE)
    fill_plug_in(writer)
    return writer.directory


@pytest.fixture(autouse=True, scope="session")
def couplings_are_drawn_once() -> Iterator[None]:
    """Draw the figure that shows the same on every page only once for each set of matrices."""
    drawn: dict[str, tuple[str, bytes]] = {}

    def once(found: Mapping[str, HeatMap]) -> tuple[str, bytes]:
        key = repr([(name, m.values.tolist()) for name, m in found.items()])
        if key not in drawn:
            drawn[key] = couplings.draw(found)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "reports.sections.operations.couplings",
            SimpleNamespace(maps=couplings.maps, alt=couplings.alt, draw=once),
        )
        yield
