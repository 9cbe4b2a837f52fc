"""Profiles as TOML: read by name or from a file, and written back as plain data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from bench.ask.knobs import SWEEP
from bench.ask.options import Sweeps
from bench.ask.profile import KEYS, Block, Profile, Sampling, Tier
from bench.measuring import probes
from bench.record.case import PASSES, Pass
from bench.record.foreign import read_plan
from impls.implementation import MODES
from impls.near import alike, unknown
from impls.problem import Scalar
from impls.registry import Registry

FOLDER = Path(__file__).resolve().parents[1] / "profiles"
ASKED = "asked"
"""The profile of a question on the command line."""
PROBES = {"run": probes.RUN, "paper": probes.PAPER, "check": probes.CHECK}
Kinds = type | tuple[type, ...]


def names() -> list[str]:
    """Return the names of the profiles that come with the suite."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load(name: str) -> Profile:
    """Return a profile by its name, or from a TOML file, or that of a run by its directory.

    A file of blocks alone has the settings of `asked`.

    Raises:
        ValueError: when there is none, or it cannot be read; the message names file and block.
    """
    path = Path(name)
    if name in names():
        path = FOLDER / f"{name}.toml"
    elif path.is_dir() and (path / "plan.json").is_file():
        return of_run(path)
    elif not name.endswith(".toml"):
        raise ValueError(f"{unknown('profile', name, names())}, or a FILE.toml")
    if not path.is_file():
        raise ValueError(f"no such profile: {name}")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not TOML: {error}") from error
    if "block" in data and not any(name in data for name in NEEDED):
        settings = tomllib.loads((FOLDER / f"{ASKED}.toml").read_text(encoding="utf-8"))
        data = settings | {"title": path.stem} | data
    return read(data, path.name, path.stem)


def of_run(directory: Path) -> Profile:
    """Return the profile that a run was made from.

    Raises:
        ValueError: when its plan does not say.
    """
    file = directory / "plan.json"
    plan = read_plan(directory)
    if "asked" not in plan:
        raise ValueError(f"{file} does not say what was asked: name a profile")
    return read(plan["asked"], str(file), plan["profile"])


ALL_MODES = tuple(dict.fromkeys(mode for known in MODES.values() for mode in known))
AS_THEY_ARE = (
    "title",
    "passes",
    "rounds",
    "most_rounds",
    "case_timeout",
    "shared",
    "examples",
    "modes",
)
"""The fields of a profile that its data have as they are."""
NEEDED = ("passes", "rounds", "sampling", "case_timeout")
"""The settings that a profile must have."""
SETTINGS: Mapping[str, Kinds] = {
    "title": str,
    "passes": list,
    "rounds": int,
    "most_rounds": int,
    "sampling": dict,
    "case_timeout": (int, float),
    "probes": str,
    "shared": bool,
    "examples": bool,
    "except_implementations": list,
    "modes": list,
    "tier": list,
    "block": list,
}
TIER: Mapping[str, Kinds] = {
    "name": str,
    "label": str,
    "rounds": int,
    "most_rounds": int,
    "passes": list,
    "sampling": dict,
    "best": list,
    "always": bool,
}
SAMPLING: Mapping[str, Kinds] = {
    "least": int,
    "most": int,
    "target": (int, float),
    "seconds": (int, float),
}


def read(data: Mapping[str, Any], where: str, name: str) -> Profile:
    """Return the profile of TOML data; `where` is the file.

    Raises:
        ValueError: for an unknown or missing key or a value that is none.
    """
    _keys(data, SETTINGS, where)
    for needed in NEEDED:
        if needed not in data:
            raise ValueError(f"{where}: {needed} is missing; docs/profiles.md has every key")
    word = data.get("probes", "run")
    if word not in PROBES:
        raise ValueError(f"{where}: {unknown('probes', str(word), PROBES)}")
    tiers = tuple(
        _tier(item, f"{where}, tier {number}")
        for number, item in enumerate(data.get("tier", [{}]), start=1)
    )
    left_out = _words(data, "except_implementations", where)
    blocks = tuple(
        _block(item, f"{where}, block {number}", left_out, [tier.name for tier in tiers])
        for number, item in enumerate(data.get("block", []), start=1)
    )
    return Profile(
        passes=passes_of(data, where),
        rounds=rounds_of(data["rounds"], where),
        most_rounds=_most(data, where) or 0,
        sampling=_sampling(data["sampling"], where),
        case_timeout=float(data["case_timeout"]),
        probes=PROBES[word],
        shared=data.get("shared", False),
        name=name,
        title=data.get("title", ""),
        examples=data.get("examples", False),
        except_implementations=left_out,
        modes=_known_words(data, "modes", ALL_MODES, where),
        tiers=tiers,
        blocks=blocks,
    )


def _keys(data: Mapping[str, Any], known: Mapping[str, Kinds], where: str) -> None:
    """Refuse keys that are unknown, and values of another type."""
    for name, value in data.items():
        if name not in known:
            raise ValueError(f"{where}: {unknown('key', name, known)}")
        kind = known[name]
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            words = " or ".join(_KINDS[each] for each in kinds)
            raise ValueError(f"{where}: {name} = {value!r} is not {words}")


_KINDS = {
    str: "text",
    list: "a list",
    int: "an integer",
    float: "a number",
    dict: "a table",
    bool: "true or false",
}


def _tier(data: Mapping[str, Any], where: str) -> Tier:
    _keys(data, TIER, where)
    rounds = data.get("rounds")
    return Tier(
        name=data.get("name", ""),
        label=data.get("label", ""),
        rounds=None if rounds is None else rounds_of(rounds, where),
        most_rounds=_most(data, where),
        passes=passes_of(data, where) or None,
        sampling=_sampling(data["sampling"], where) if "sampling" in data else None,
        best=_words(data, "best", where),
        always=data.get("always", False),
    )


def _block(
    data: Mapping[str, Any], where: str, left_out: tuple[str, ...], tiers: Sequence[str]
) -> Block:
    for name in ("family", "show"):
        if not data.get(name):
            what = "the family that is asked" if name == "family" else "what the block shows"
            near = alike(name, data)
            raise ValueError(f"{where}: {name} is missing: {what}{f'; {near}' if near else ''}")
    _keys({name: v for name, v in data.items() if name in KEYS}, KEYS, where)
    tier = data.get("tier", tiers[0])
    if tier not in tiers:
        raise ValueError(f"{where}: {unknown('tier', tier, tiers)}")
    options = {name: _list(v, name, where) for name, v in data.items() if name not in KEYS}
    knobs = data.get("knobs", {})
    return Block(
        family=data["family"],
        show=data["show"],
        options=options,
        examples=data.get("examples", False),
        operations=_words(data, "operations", where) or ("*",),
        except_operations=_words(data, "except_operations", where),
        implementations=_words(data, "implementations", where) or ("*",),
        except_implementations=tuple(
            dict.fromkeys(left_out + _words(data, "except_implementations", where))
        ),
        knobs={n: SWEEP if v == SWEEP else _list(v, n, where) for n, v in knobs.items()},
        passes=passes_of(data, where) or None,
        modes=_known_words(data, "modes", ALL_MODES, where),
        also=_known_words(data, "also", sorted(probes.probes()), where),
        tier=tier,
        where=where,
    )


def _list(value: Any, name: str, where: str) -> tuple[Scalar, ...]:
    values = tuple(value) if isinstance(value, list) else (value,)
    if not values:
        raise ValueError(f"{where}: {name} = [] asks nothing; leave it out, or give a value")
    return values


def _words(data: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    words = tuple(data.get(name, ()))
    wrong = [word for word in words if not isinstance(word, str)]
    if wrong:
        raise ValueError(f"{where}: {name} has {wrong[0]!r}, which is not text")
    return words


def _known_words(
    data: Mapping[str, Any], name: str, known: Sequence[str], where: str
) -> tuple[str, ...]:
    words = _words(data, name, where)
    for word in words:
        if word not in known:
            raise ValueError(f"{where}: {unknown(name, word, known)}")
    return words


def passes_of(data: Mapping[str, Any], where: str) -> tuple[Pass, ...]:
    """Return the passes that are named, none where none is.

    Raises:
        ValueError: for one that is unknown.
    """
    found: list[Pass] = []
    for name in _words(data, "passes", where):
        known = next((pass_ for pass_ in PASSES if pass_ == name), None)
        if known is None:
            raise ValueError(f"{where}: {unknown('pass', name, PASSES)}")
        found.append(known)
    return tuple(found)


def _most(data: Mapping[str, Any], where: str) -> int | None:
    """Return the most rounds of what can't be told, None where that is not said."""
    return None if "most_rounds" not in data else rounds_of(data["most_rounds"], where)


def rounds_of(value: int, where: str) -> int:
    """Return a number of rounds; ValueError for less than one."""
    if value < 1:
        raise ValueError(f"{where}: rounds must be at least 1, not {value}")
    return value


def _sampling(data: Mapping[str, Any], where: str) -> Sampling:
    _keys(data, SAMPLING, f"{where}, sampling")
    missing = [name for name in ("least", "most") if name not in data]
    if missing:
        raise ValueError(f"{where}, sampling: {missing[0]} is missing")
    return Sampling(**data)


def as_data(profile: Profile) -> dict[str, Any]:
    """Return a profile as `read` takes it."""
    return {
        **_said(profile, AS_THEY_ARE),
        "probes": next(word for word, named in PROBES.items() if named == profile.probes),
        "sampling": asdict(profile.sampling),
        "tier": [_data_of_tier(tier) for tier in profile.tiers],
        "block": [_data_of_block(block) for block in profile.blocks],
    }


def _said(thing: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return what is said of these fields, in plain data."""
    found = {name: getattr(thing, name) for name in names}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in found.items()
        if value not in (None, "", (), False)
    }


def _data_of_tier(tier: Tier) -> dict[str, Any]:
    sampling = {"sampling": asdict(tier.sampling)} if tier.sampling else {}
    return _said(tier, (f.name for f in fields(tier) if f.name != "sampling")) | sampling


def _data_of_block(block: Block) -> dict[str, Any]:
    data = _said(block, (name for name in KEYS if name != "knobs"))
    if block.knobs:
        data["knobs"] = {n: v if v == SWEEP else list(v) for n, v in block.knobs.items()}
    return data | {name: list(values) for name, values in block.options.items()}


def asked(registry: Registry, family: str, options: Sweeps, settings: str = ASKED) -> Profile:
    """Return the profile of one question: a family with its options, measured as `settings` says.

    Raises:
        ValueError: for an unknown family, or a profile that cannot be read.
    """
    registry.family(family)
    measured = load(settings)
    block = Block(
        family=family,
        show="what was asked by hand",
        options=options,
        except_implementations=measured.except_implementations,
        tier=measured.tiers[-1].name,
    )
    return replace(measured, name=ASKED, blocks=(block,), examples=False)
