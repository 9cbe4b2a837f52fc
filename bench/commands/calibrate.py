"""`bench calibrate`: the instrument judges itself on this machine, and what it found."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.commands.command import CALIBRATIONS, Command, Help, add_format, add_where
from bench.commands.pairing import add_design, designed, target_of
from bench.commands.rendering import render
from bench.drive import instrument
from bench.record import machine
from bench.record.case import digest
from impls.registry import load as load_registry

UNKNOWN = "can't tell"


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a calibration says, a row for each question."""
    clock = result["clock"]
    listed: list[dict[str, Any]] = [
        {
            "question": f"a call of {known} s is given as",
            "answer": f"{float(known) * (1 + error):.4g} s",
            "note": f"{error:+.2%}",
        }
        for known, error in clock["relative_error"].items()
    ]
    nothing = f"{clock['seconds_of_nothing'] * 1e6:.2f} us"
    listed.append({"question": "a call of nothing is given as", "answer": nothing, "note": ""})
    for name, rate in result["peaks"].items():
        what = "a copy, bytes read and written" if name == "copy" else f"a product, {name[5:]}"
        unit = "GB/s" if name == "copy" else "GFLOP/s"
        listed.append({"question": what, "answer": f"{rate / 1e9:.4g} {unit}", "note": "reached"})
    same, planted = result["same"], result["planted"]
    listed.append(
        {
            "question": f"of {same['pairs']} pairs that do not differ",
            "answer": f"{same['faster']} faster, {same['slower']} slower",
            "note": f"{same['same']} same; of {same[UNKNOWN]} it can't tell",
        }
    )
    listed.append(
        {
            "question": f"of {planted['pairs']} pairs with {planted['share']:.0%} planted",
            "answer": f"{planted['slower']} found slower",
            "note": f"{planted['faster']} faster, {planted['same']} same; of "
            f"{planted[UNKNOWN]} it can't tell",
        }
    )
    return listed


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "--pairs",
        type=int,
        default=300,
        help="pairs that do not differ: 300 (90 minutes), beside a fifth as many that do; "
        "those of repeated calls count together",
    )
    parser.add_argument("--out", type=Path, default=CALIBRATIONS, metavar="DIR")
    add_design(parser)
    add_where(parser)
    add_format(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.pairs < 1:
        raise ValueError(f"--pairs must be at least 1, not {arguments.pairs}")
    registry = load_registry()
    target = target_of(arguments)
    total = arguments.pairs + instrument.planted_of(arguments.pairs)
    with (
        TemporaryDirectory(prefix="equibench-calibrate-") as scratch,
        designed(arguments, total, Path(scratch), target) as (design, told),
    ):
        known = digest(machine.machine_facts(target.device)), target.device
        seed = str(len(instrument.every(arguments.out, *known)))
        design = replace(design, gates=(), seed=seed)
        instrument.calibrate(registry, target, arguments.out, arguments.pairs, design, told)
    result = instrument.found(arguments.out, *known)
    assert result is not None
    print(render(rows(result), arguments.format))
    return 0


COMMAND = Command(
    "calibrate",
    "Judge the instrument itself on this machine, by what is known.",
    Help(
        examples=("python -m bench calibrate --pairs 300",),
        gives=(
            "How often pairs that do not differ are called different, and how often planted "
            "slow-downs are found; kept for this machine."
        ),
        then="python -m bench run writes it beside its rows, and the page says it.",
    ),
    _add,
    _run,
)
