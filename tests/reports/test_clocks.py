"""By which clock a page judges: on a GPU its own, and never two in one comparison."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.record.regressions import Regression
from impls.registry import load
from reports.conclusions import Question
from reports.data import roofline, sets
from reports.data.blocks import Block, blocks_of, taken_in_turn
from reports.data.clocks import HOST, KERNELS, WITH_LAUNCHES
from reports.data.expressivity import collect
from reports.data.results import Result, summarise
from reports.data.run import read
from reports.data.series import series_of
from reports.data.table import Table
from reports.data.words import Words
from reports.figures import curves, front
from reports.page import make
from reports.tables import (
    algorithms,
    growth,
    headline,
    methods,
    operation,
    overview,
    ratio,
    regressions,
    trade,
)

PRODUCT = {"setting": "mimo", "symmetry": "o3", "lmax": 2, "channels": 1, "batch": 1000}
BASELINE = "clebsch_gordan.torch_e3nn"
MEDIAN = 1.04
WORDS = Words(load())


def results_of(writer: Any) -> list[Result]:
    return summarise(read(writer.directory).rows)[0]


def blocks(writer: Any) -> list[Block]:
    return blocks_of(results_of(writer))


def text(table: Table) -> str:
    cells = [c for row in table.rows for c in row]
    words = [w for c in cells for w in (c.text, c.marks, c.small, *(t for _, t in c.links))]
    heads = [f"{c.label} {c.unit}" for c in table.columns]
    return " | ".join([table.caption, *heads, *words, *table.notes])


@pytest.fixture
def opposite(writer: Any) -> Any:
    """Two that the host and the device rank the other way round, and the baseline of both."""
    writer.case(BASELINE, PRODUCT, time=9e-4, kernels=9e-5, device="cuda", rounds=4)
    writer.case("gaunt.torch_few", PRODUCT, time=1e-4, kernels=4e-5, device="cuda", rounds=4)
    writer.case("gaunt.torch_many", PRODUCT, time=4e-4, kernels=1e-5, device="cuda", rounds=4)
    return writer


def test_on_a_gpu_the_device_ranks_whatever_the_host_says(opposite: Any) -> None:
    found = blocks(opposite)
    can, known = collect(results_of(opposite), frozenset()), sets.read()
    (block,) = found
    assert block.clock == KERNELS
    assert [r.label for r in block.ranked] == ["gaunt.torch_many", "gaunt.torch_few", BASELINE]
    (least,) = overview.table(found, can, known, WORDS).records
    assert least["lowest.implementation"] == "gaunt.torch_many"
    assert least["lowest.time.kernels [s]"] == pytest.approx(
        1e-5 * (1.04 * 1.14 * 1.24 * 1.34) ** 0.25
    )
    assert "lowest.time.host [s]" not in least
    assert (
        "Gaunt product (torch_many), 11" in overview.verdict([("timed", 3)], found, can, WORDS)[-1]
    )
    (rival,) = algorithms.table(found, WORDS).records
    assert rival["fastest"] == "gaunt.torch_many" and rival["speed"] == pytest.approx(1 / 4)
    rows = {r["implementation"]: r for r in headline.table(block, can, known, {}, WORDS).records}
    assert rows["gaunt.torch_many"]["speed"] == pytest.approx(9.0)
    assert rows["gaunt.torch_many"]["verdict"] == "faster"
    assert rows["gaunt.torch_many"]["clock"] == "time.kernels"
    assert {r["implementation"] for r in trade.table(found, can, WORDS).records} == {
        "gaunt.torch_many"
    }
    (compared,) = ratio.rows(found, [("gaunt.torch_few", "gaunt.torch_many")])
    assert compared["clock"] == "time.kernels" and compared["verdict"] == "slower"


@pytest.mark.parametrize(("asked", "host", "known"), [(0.5, "noisy", "ok"), (0.01, "ok", "noisy")])
def test_a_time_is_as_precise_as_the_clock_that_judges_it(
    writer: Any, asked: float, host: str, known: str
) -> None:
    writer.case("gaunt.torch_few", PRODUCT, kernels=4e-5, device="cuda")
    rows = [dict(row) for row in read(writer.directory).rows]
    for row in rows:
        if row["probe"] in (HOST.probe, "case"):
            row |= {"detail": row["detail"] | {"asked": asked}, "status": host}
    (found,) = summarise(rows)[0]
    assert found.clock == KERNELS and found.published
    assert (found.measures[HOST.probe].status, found.status) == (host, known)
    flags = found.measures[KERNELS.probe].flags
    assert flags == (() if known == "ok" else ("known to +- 3.8% over 1 round, asked for 1%",))
    assert overview.reached([found], 1)[3][1] == f"{int(known == 'ok')} of 1"


def test_what_is_asked_names_its_clock(opposite: Any) -> None:
    found = series_of(blocks(opposite))
    question = Question(found[0], [], collect([], frozenset()), load(), {})
    assert "Clock: time on the device (time.kernels)." in question.asked
    table = operation.implementations("gaunt", found[0].headline[1], WORDS, None)
    assert table.caption.endswith(", by time on the device (time.kernels)")


def test_labels_say_which_clock_it_is(opposite: Any) -> None:
    results, can = results_of(opposite), collect([], frozenset())
    (block,) = blocks_of(results)
    table = headline.table(block, can, sets.read(), {}, WORDS)
    heads = [(c.label.split(" [")[0], c.unit) for c in table.columns]
    assert heads[2:4] == [
        ("time on the device", "time.kernels, µs"),
        ("with launches (host)", "time.host, µs"),
    ]
    assert ("kernels", "of a call") in heads
    assert (
        "time on the device (time.kernels)"
        in overview.table([block], can, sets.read(), WORDS).caption
    )
    assert "time on the device (time.kernels)" in algorithms.table([block], WORDS).caption
    said = " ".join(methods.paragraphs(read(opposite.directory), results, [block]))
    assert "Time on the device (time.kernels) is" in said
    assert "Time on the host (time.host) is" in said


def test_one_without_the_devices_time_puts_its_block_on_the_host(opposite: Any) -> None:
    """No ratio mixes clocks, so the host judges all of a problem, and the next one is its own."""
    opposite.case("gaunt.torch_lost", PRODUCT, time=2e-4, device="cuda", rounds=4)
    opposite.case("gaunt.torch_few", {**PRODUCT, "lmax": 3}, kernels=4e-5, device="cuda")
    results, can = results_of(opposite), collect([], frozenset())
    mixed, clean = blocks_of(results)
    assert (mixed.clock, clean.clock) == (WITH_LAUNCHES, KERNELS)
    assert [r.label for r in mixed.ranked][:2] == ["gaunt.torch_few", "gaunt.torch_lost"]
    table = headline.table(mixed, can, sets.read(), {}, WORDS)
    rows = {r["implementation"]: r for r in table.records}
    assert rows["gaunt.torch_few"]["speed"] == pytest.approx(9.0)
    assert rows["gaunt.torch_many"]["speed"] == pytest.approx(9 / 4)
    assert rows["gaunt.torch_lost"]["speed"] == pytest.approx(9 / 2)
    assert {r["clock"] for r in rows.values()} == {"time.host"}
    assert "there is no time.kernels of gaunt.torch_lost." in " ".join(table.notes)
    assert "forward, time on the host" in text(
        overview.table([mixed, clean], can, sets.read(), WORDS)
    )
    drawn = [
        f for s in sets.read().figures for f in curves.figures_of(s, results, can, Words(load()))
    ]
    assert [(f.name, f.ylabel) for f in drawn] == [
        ("time-device-mimo-o3", "time on the device (time.kernels)"),
        ("time-host-mimo-o3", "time on the host (time.host)"),
    ]  # fmt: skip
    assert [f.title.split()[0] for f in drawn] == ["Device", "Host"]
    with pytest.raises(ValueError, match=r"time\.host\), gaunt\.torch_few by time on the device"):
        taken_in_turn(mixed.results[0], clean.results[0])


def test_what_may_not_be_shown_does_not_choose_the_clock(opposite: Any) -> None:
    opposite.case("gaunt.torch_wrong", PRODUCT, error=0.5, device="cuda")
    opposite.case("gaunt.torch_nothing", {**PRODUCT, "lmax": 3}, kernels=0.0, device="cuda")
    known, zero = blocks(opposite)
    assert (known.clock, zero.clock) == (KERNELS, WITH_LAUNCHES), "no kernel ran: no time"


def test_a_growth_has_one_device_and_one_clock(writer: Any) -> None:
    """On the CPU dense overtakes, on the GPU sparse is always ahead: nothing overtakes there."""
    for lmax in (1, 2, 4, 8):
        at = {**PRODUCT, "lmax": lmax}
        for name, power in (("torch_dense", 1), ("torch_sparse", 3)):
            time = 1e-4 * lmax**power / (8 if power == 3 else 1)
            writer.case(f"clebsch_gordan.{name}", at, time=time, rounds=3)
            writer.case(
                f"clebsch_gordan.{name}", at, time=time, rounds=3, device="cuda",
                kernels=1e-5 * lmax**2 * (1 if name == "torch_sparse" else 2),
            )  # fmt: skip
    found = blocks(writer)
    (row,) = growth.overtakings(found, load()).records
    assert "clock" not in row and row["at"] == pytest.approx(8**0.5, rel=1e-3)
    table = growth.exponents(found, load())
    measured = {(r["implementation"], r.get("clock")): r["exponent"] for r in table.records}
    assert measured == pytest.approx(
        {
            ("clebsch_gordan.torch_dense", None): 1.0,
            ("clebsch_gordan.torch_sparse", None): 3.0,
            ("clebsch_gordan.torch_dense", "time.kernels"): 2.0,
            ("clebsch_gordan.torch_sparse", "time.kernels"): 2.0,
        },
        abs=1e-9,
    )
    assert "forward, time on the device" in text(table) and "forward, time.host" in text(table)


def test_an_exponent_has_one_clock(writer: Any) -> None:
    """At the largest size only the host's time is known: it is no point of the device's line."""
    for lmax in (1, 2, 4, 8):
        kernels = 1e-5 * lmax**2 if lmax < 8 else None
        at = {**PRODUCT, "lmax": lmax}
        writer.case("gaunt.torch_grid", at, time=1.0, kernels=kernels, device="cuda")
    (row,) = growth.exponents(blocks(writer), load()).records
    assert (row["sizes"], row["clock"]) == (3, "time.kernels")
    assert row["exponent"] == pytest.approx(2.0, abs=1e-9)


def test_a_front_has_one_clock(writer: Any) -> None:
    for lmax, kernels in ((1, 1e-5), (2, 1e-5), (3, None)):
        for name, dim in (("gaunt.torch_a", 5), ("clebsch_gordan.torch_a", 9)):
            at = {**PRODUCT, "lmax": lmax}
            writer.case(name, at, kernels=kernels, dim=(dim, dim), device="cuda")
    results = results_of(writer)
    can = collect(results, frozenset())
    found = {f.clock: f for f in front.figures(series_of(blocks_of(results)), can, WORDS)}
    assert set(found) == {KERNELS, WITH_LAUNCHES}
    assert set(found[KERNELS].passes["forward"]) == {1.0, 2.0}
    assert [p.time for p in found[KERNELS].passes["forward"][1.0]] == pytest.approx(2 * [1.04e-5])
    assert [p.time for p in found[WITH_LAUNCHES].passes["forward"][3.0]] == pytest.approx(
        2 * [1.04e-4]
    )


def test_launch_bound_is_marked_and_counted(opposite: Any) -> None:
    opposite.case("gaunt.torch_fed", PRODUCT, time=1.29e-4, kernels=1e-4, device="cuda", rounds=4)
    found, can = blocks(opposite), collect([], frozenset())
    bound = {r.label: r.launch_bound for r in found[0].results}
    assert bound == {
        BASELINE: True, "gaunt.torch_few": True, "gaunt.torch_many": True, "gaunt.torch_fed": False,
    }  # fmt: skip
    table = headline.table(found[0], can, sets.read(), {}, WORDS)
    marks = [row[3].marks for row in table.rows]
    assert marks == ["¶", "¶", "¶", ""] and all("¶" not in row[2].marks for row in table.rows)
    assert any(
        note.startswith("¶ launch-bound: time.host is more than 1.3") for note in table.notes
    )
    line = "3 of 4 are launch-bound: the host cannot feed the device this fast"
    assert line in overview.verdict([("timed", 4)], found, can, WORDS)[1]
    least = overview.table(found, can, sets.read(), WORDS)
    assert line in least.notes[0] and "¶" in text(least)


def test_where_the_host_keeps_up_nothing_is_said(writer: Any) -> None:
    writer.case("gaunt.torch_fed", PRODUCT, time=1.29e-4, kernels=1e-4, device="cuda")
    found, can = blocks(writer), collect([], frozenset())
    assert not any("launch" in line for line in overview.verdict([], found, can, WORDS))
    assert "¶" not in text(headline.table(found[0], can, sets.read(), {}, WORDS))


def test_modes_are_rows_of_their_own_and_the_device_picks(writer: Any) -> None:
    """The graph runs fewer kernels here, though a call takes the host as long."""
    for name, eager, graph in ((BASELINE, 9e-5, 8e-5), ("gaunt.torch_grid", 2e-5, 1e-5)):
        for mode, kernels in (("eager", eager), ("cudagraph", graph)):
            time = 1e-4 if mode == "eager" else 2e-4
            writer.case(name, PRODUCT, time=time, kernels=kernels, mode=mode, device="cuda")
    (block,) = blocks(writer)
    assert [r.label for r in block.ranked] == [
        "gaunt.torch_grid (cudagraph)", "gaunt.torch_grid (eager)",
        f"{BASELINE} (cudagraph)", f"{BASELINE} (eager)",
    ]  # fmt: skip
    assert block.baseline is not None and block.baseline.label == f"{BASELINE} (cudagraph)"
    (least,) = overview.table([block], collect([], frozenset()), sets.read(), WORDS).records
    assert least["lowest.implementation"] == "gaunt.torch_grid (cudagraph)"
    slower = [replace(r, clock=WITH_LAUNCHES) for r in block.results]
    other = replace(block, results=tuple(slower)).baseline
    assert other is not None and other.label == f"{BASELINE} (eager)", "its fastest mode"


def test_the_roofline_of_a_warm_call_is_not_that_of_the_memory(writer: Any) -> None:
    peaks = {
        "device": "cuda",
        "design": {"threads": 1},
        "peaks": {"copy": 1e12, "gemm.float32": 1e13},
    }
    costs = {"cost.flops": (1e6, "1"), "time.device": (2e-5, "s")}
    for lmax, size in ((1, 1e6), (2, 1e9)):
        extra = {**costs, "cost.bytes": (size, "B")}
        at = {**PRODUCT, "lmax": lmax}
        writer.case("gaunt.torch_a", at, time=1e-2, kernels=1e-5, device="cuda", extra=extra)
        writer.case("gaunt.torch_a", at, time=1e-2, extra=extra)
    shares = {
        (r.columns["device"], r.get("lmax"), cold): roofline.share(r, [r], peaks, cold)
        for r in results_of(writer)
        for cold in (False, True)
    }
    compute = (pytest.approx(1e6 / 1e13 / (1e-5 * MEDIAN)), "compute")
    assert shares["cuda", 1, False] == compute, "what a cache holds is not bound by the memory"
    assert shares["cuda", 1, True] == (pytest.approx(1e6 / 1e12 / 2e-5), "memory")
    assert shares["cuda", 2, False] == (pytest.approx(1e9 / 1e12 / (1e-5 * MEDIAN)), "memory")
    assert shares["cpu", 1, False] is None, "the peaks are those of the GPU"


def test_a_cpu_is_judged_by_the_host_alone(writer: Any) -> None:
    """Even if rows of a CPU had the other time; and nothing is said of a device."""
    writer.case(BASELINE, PRODUCT, time=3e-4, kernels=1e-5, rounds=4)
    writer.case("gaunt.torch_few", PRODUCT, time=1e-4, kernels=4e-5, rounds=4)
    results, can = results_of(writer), collect([], frozenset())
    (block,) = blocks_of(results)
    assert block.clock == HOST and {r.launch_bound for r in results} == {None}
    assert [r.label for r in block.ranked] == ["gaunt.torch_few", BASELINE]
    table = headline.table(block, can, sets.read(), {}, WORDS)
    assert table.columns[2].label == "time of one call [95\N{NO-BREAK SPACE}%]"
    said = methods.paragraphs(read(writer.directory), results, [block])
    assert not any("on the device" in part for part in said)
    assert overview.table([block], can, sets.read(), WORDS).notes == []


def test_the_page_of_a_cpu_has_no_word_of_another_clock(page: str, report: Path) -> None:
    shown = re.sub(r"<(style|svg).*?</\1>", "", page, flags=re.DOTALL)
    for word in ("on the device", "time.kernels", "launch-bound", "¶", "Known regressions"):
        assert word not in shown, word
    assert "The lowest median time.host of each problem" in shown
    assert "How time.host and peak memory grow" in shown
    assert "against the fastest by samples taken in turn" not in shown
    assert "compared with the fastest by samples taken in turn" in shown
    header = (report / "tables/overview.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "lowest.time.host [s]" in header
    for file in (report / "tables").glob("*.csv"):
        columns = next(csv.reader(file.read_text(encoding="utf-8").splitlines()))
        assert not {"clock", "kernels", "roofline.cold"} & set(columns), file.name


SCATTER = Regression(
    "jaxlib", "0.10.2", "0.11.0", "cuda", "float32 scatter-add <450 times>",
    ("https://github.com/openxla/xla/issues/46225",), {"XLA_FLAGS": "--fast"},
)  # fmt: skip


def test_known_regressions_are_asked_for_each_environment_and_device(opposite: Any) -> None:
    opposite.case("gaunt.torch_few", PRODUCT)
    asked = []

    def known(packages: Any, device: str) -> tuple[Regression, ...]:
        asked.append((packages["jax"], device))
        return (SCATTER,) if device == "cuda" else ()

    assert regressions.of(read(opposite.directory), known) == [SCATTER]
    assert asked == [("0.10.2", "cpu"), ("0.10.2", "cuda")]


@pytest.mark.slow
def test_the_whole_page_of_a_gpu(
    opposite: Any, built: Callable[[Any], str], tmp_path: Path
) -> None:
    plain = built(opposite)
    for words in (
        "Known regressions of compilers",
        "irfft2: two transforms",
        "3 of 3 are launch-bound",
        "by the clock that judges",
        "Device time against degree L",
    ):
        assert words in plain, words
    run = read(opposite.directory)
    assert "Known regressions" not in make(run, load(), sets.read()).html
    page = make(run, load(), sets.read(), (SCATTER,))
    start = page.html.index("Known regressions of compilers")
    section = page.html[start : page.html.index('<section id="glossary"')]
    assert "float32 scatter-add &lt;450 times&gt;" in section and "0.11.0" in section
    assert f'<a href="{SCATTER.sources[0]}">' in section
    assert b"jaxlib,0.10.2,0.11.0,cuda" in page.files["tables/regressions.csv"]
