"""Profiles are data: what they ask, what is refused in them by name, and what they never change."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench.ask import reading
from bench.ask.knobs import settings
from bench.ask.narrowing import narrowed
from bench.ask.plan import cases, plan
from bench.ask.profile import KEYS, Block, Profile
from bench.ask.reading import FOLDER, as_data, load, names, read
from bench.drive.run import execute
from bench.record import fingerprint
from bench.record.case import case_id, describe, refusal
from bench.record.fingerprint import key
from bench.record.rows import load as load_rows
from impls.implementation import Target
from impls.registry import load as load_registry

ROOT = Path(__file__).parents[2]
KNOBBED = ROOT / "tests/plugins/cut_product.py"
HEAD = """passes = ["fwd"]
rounds = 1
sampling = {least = 1, most = 1, target = 100.0}
case_timeout = 60
"""
BLOCK = """
[[block]]
show = "what it is there for"
family = "product"
setting = "mimo"
lmax = [1, 2]
"""


def asked(profile, registry):
    return [case for case, _ in cases(profile, Target(), registry)]


@pytest.mark.parametrize("name", names())
def test_profiles_that_come_with_the_suite(registry, name):
    profile = load(name)
    assert profile.title and profile.name == name
    assert all(block.show for block in profile.blocks)
    problems = [problem for problem, _ in profile.asked(registry)]
    assert problems or name == "asked"
    assert all(registry.family(p.family).check(p) is None for p in problems)
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert text.startswith("# "), "a comment says what the profile is for"
    twice = [p for p, n in Counter((p, b.operations) for p, b in profile.asked(registry)).items()
             if n > 1]  # fmt: skip
    assert not twice, "a question is asked once"


@pytest.mark.parametrize("name", names())
def test_profiles_are_plain_data_both_ways(name):
    profile = load(name)
    again = read(json.loads(json.dumps(as_data(profile))), "again", name)
    where = [replace(block, where="") for block in profile.blocks]
    assert [replace(block, where="") for block in again.blocks] == where
    left_out = profile.except_implementations  # which each block then says itself
    assert replace(again, blocks=(), except_implementations=left_out) == replace(profile, blocks=())


def test_every_operation_is_in_the_showcase_once_a_framework(registry):
    profile = load("default")
    shown = [
        registry.implementation(case.implementation)
        for case, block in cases(profile, Target(), registry)
        if block.tier == "showcase"
    ]
    counts = Counter((i.operation, i.framework) for i in shown)
    assert set(counts) == {(name, f) for name in registry.operations for f in ("torch", "jax")}
    assert set(counts.values()) == {1}
    assert not any(i.requires for i in shown), "no peer stands for an operation"
    showcase, headline = profile.tiers
    assert showcase.always and showcase.label and not headline.always
    assert (profile.rounds_of(showcase), profile.rounds_of(headline)) == (1, 4)


def test_every_answer_of_the_showcase_is_one(registry):
    refused = {
        case.implementation: refusal(case, registry)
        for case, block in cases(load("default"), Target(), registry)
        if block.tier == "showcase" and not registry.implementation(case.implementation).missing()
    }
    assert set(refused.values()) == {None}


def test_paper_asks_for_high_degrees_of_few_operations(registry):
    far: dict[tuple[int, str], set[str]] = {}
    for problem, block in load("paper").asked(registry):
        facets = registry.family(problem.family).facets(problem)
        if facets.get("lmax", 0) >= 10:
            kind = facets["lmax"], facets["symmetry"]
            far.setdefault(kind, set()).update(o.name for o in block.asked(registry))
            assert problem.dtype == "float32" and problem.sizes["batch"] == 100
    assert far == {
        (10, "so3"): {"clebsch_gordan"},
        (10, "o3"): {"gaunt", "matrix"},
        (20, "o3"): {"gaunt"},
    }


@pytest.mark.parametrize(
    ("facets", "operations"),
    [
        (
            {"setting": "full", "lmax": 4, "symmetry": "so3"},
            "channelwise edge_contraction edge_gate escn escn_o3 gaunt_convolution "
            "mixing_convolution solid_convolution",
        ),
        ({"irreps": "0e+1o | 0e+1o | 0e+1o+1e"}, "clebsch_gordan scalar_vector"),
        (
            {"irreps": " | ".join(3 * ["0e+1o+1e+0o"]), "channels": 32},
            "clebsch_gordan clifford geometric_product",
        ),
        (
            {"irreps": " | ".join(3 * ["1x0e+1x1o+1x1e+1x0o"]), "mul1": 128},
            "uuu uuu_collapsed uvw",
        ),
        ({"setting": "full", "lmax": 4, "graph": "loose"}, "escn escn_o3 gaunt_convolution"),
        (
            {"setting": "truncated", "lmax": 2, "symmetry": "o3", "channels": 1, "batch": 1000},
            "clebsch_gordan gaunt low_rank",
        ),
        (
            {"setting": "truncated", "lmax": 2, "symmetry": "so3", "channels": 64, "batch": 1000},
            "cartesian_matrix clebsch_gordan fused_matrix gaunt gaunt_bracket matrix "
            "matrix_multiblock poisson_bracket spin_gaunt",
        ),
    ],
)
def test_what_competes_is_asked_one_question(registry, facets, operations):
    shared: dict[object, set[str]] = {}
    for problem, block in load("paper").asked(registry):
        mine = registry.family(problem.family).facets(problem)
        if facets.items() <= mine.items():
            names = {operation.name for operation in block.asked(registry)}
            shared.setdefault(problem, set()).update(names)
    assert shared and all(found == set(operations.split()) for found in shared.values())


def test_paper_asks_what_users_asked(registry):
    """Sizes that threads of users name: samples, edges, networks, directions."""
    found = [(p, registry.family(p.family).facets(p)) for p, _ in load("paper").asked(registry)]
    points = [facets for problem, facets in found if problem.family == "points"]
    near = {p.sizes["batch"] for p, facets in found if facets.get("mul1") == 96}
    assert near == {2000, 3000}
    wide = {(f["channels"], f["lmax"]) for f in points if f["edges"] == 76800}
    assert wide == {(16, 1), (128, 1)}
    assert {f["edges"] for f in points if f["graph"] == "loose"} == {1, 10, 100, 1000, 10000}
    assert {"nequip-oam-l", "sevennet-0", "sevennet-l3i5", "sevennet-mf-ompa"} <= {
        f.get("model") for f in points
    }
    assert {"axis", "poles"} <= {f["graph"] for f in points}
    assert 512 in {f.get("mul1") for _, f in found} & {f.get("channels") for _, f in found}


@pytest.mark.parametrize(
    ("operation", "knob", "least"),
    [
        ("low_rank", "rank", 4),
        ("escn", "m_max", 3),
        ("mace_layer", "correlation", 3),
        ("equiformer_v2_layer", "resolution", 3),
        ("grid_nonlinearity", "resolution", 3),
    ],
)
def test_paper_sweeps_the_knobs(registry, operation, knob, least):
    only = narrowed(load("paper"), registry, operations=[operation], passes=["fwd"])
    values = {describe(case, registry)[f"knob.{knob}"] for case in asked(only, registry)}
    assert len(values) >= least


def test_knobs_of_a_block_go_with_the_operations_that_have_them(registry):
    """Of blocks of one family, each with a knob of its own operations, put to one operation."""
    only = narrowed(load("paper"), registry, operations=["nested_power"], passes=["fwd"])
    swept = {name for block in only.blocks for name in block.knobs}
    assert swept == {"cut"} and len(only.blocks) > 1
    values = {describe(case, registry)["knob.cut"] for case in asked(only, registry)}
    assert len(values) >= 3


@pytest.mark.parametrize("operation", ["channelwise", "escn", "nequip_layer"])
def test_paper_can_be_put_to_operations_without_the_knobs_of_its_blocks(registry, operation):
    only = narrowed(load("paper"), registry, operations=[operation])
    assert {block.knobs.keys() <= {"m_max"} for block in only.blocks} == {True}
    assert asked(only, registry)


def test_facets_of_what_is_asked_have_words(registry):
    for name in names():
        for problem, _ in load(name).asked(registry):
            family = registry.family(problem.family)
            assert set(family.facets(problem)) <= set(family.labels), problem


def test_no_case_is_in_two_tiers(registry):
    tiers: dict[str, set[str]] = {}
    for case, block in cases(load("default"), Target(), registry):
        tiers.setdefault(case_id(case, registry), set()).add(block.tier)
    assert all(len(mine) == 1 for mine in tiers.values())


def test_a_new_implementation_appears_without_an_edit(registry):
    more = load_registry([ROOT / "tests/plugins/my_product.py"])
    for name in ("quick", "default", "paper"):
        before, after = ({c.implementation for c in asked(load(name), r)} for r in (registry, more))
        assert after - before == {"clebsch_gordan.my_einsum"}


ERRORS = {
    "no TOML": ("passes = [", "mine.toml is not TOML: "),
    "a missing setting": ('title = "mine"', "mine.toml: passes is missing"),
    "an unknown setting": (HEAD + "round = 3", "mine.toml: unknown key 'round': did you mean 'ro"),
    "a type": (HEAD.replace("rounds = 1", 'rounds = "1"'), "mine.toml: rounds = '1' is not an int"),
    "rounds": (HEAD.replace("rounds = 1", "rounds = 0"), "rounds must be at least 1, not 0"),
    "a pass": (HEAD.replace("fwd", "forward"), "mine.toml: unknown pass 'forward'"),
    "sampling": (HEAD.replace("most", "mots"), "mine.toml, sampling: unknown key 'mots': did you"),
    "probes": (HEAD + 'probes = "all"', "mine.toml: unknown probes 'all': known are run, paper"),
    "no show": (HEAD + BLOCK.replace("show", "shows"), "mine.toml, block 1: show is missing: what"),
    "no family": (HEAD + BLOCK + BLOCK.replace("family", "famly"), "block 2: family is missing"),
    "a family": (
        HEAD + BLOCK.replace("product", "produkt"),
        "mine.toml, block 1: unknown family 'produkt': did you mean 'product'",
    ),
    "an option": (
        HEAD + BLOCK + BLOCK + "chanels = 3",
        "mine.toml, block 2: family product: unknown option 'chanels': did you mean 'channels'",
    ),
    "a key": (
        HEAD + BLOCK + 'operatons = ["gaunt"]',
        "mine.toml, block 1: family product: unknown option 'operatons': did you mean 'operat",
    ),
    "nothing": (HEAD + BLOCK + "channels = []", "block 1: channels = [] asks nothing"),
    "a value": (HEAD + BLOCK + "channels = 0", "block 1: family product: size channels=0 is not"),
    "an operation": (
        HEAD + BLOCK + 'operations = ["gant"]',
        "mine.toml, block 1: unknown operation 'gant': did you mean 'gaunt'",
    ),
    "what is left out": (
        HEAD + BLOCK + 'except_implementations = ["gaunt.*_grit"]',
        "mine.toml, block 1: unknown implementation 'gaunt.*_grit': ",
    ),
    "a glob": (HEAD + BLOCK + "operations = [1]", "block 1: operations has 1, which is not text"),
    "a tier": (HEAD + BLOCK + 'tier = "first"', "mine.toml, block 1: unknown tier 'first': known"),
    "a knob": (HEAD + BLOCK + "knobs = {rnk = 3}", "mine.toml, block 1: unknown knob 'rnk'"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_what_is_wrong_in_a_file_is_named_with_file_and_block(registry, tmp_path, what):
    text, message = ERRORS[what]
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError) as refused:
        load(str(file)).asked(registry)
    assert message in str(refused.value)


def test_the_docs_have_every_key_and_their_example_asks(registry, tmp_path):
    text = (ROOT / "docs/profiles.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`\[*([\w-]+)\]*`", text))
    assert {*reading.SETTINGS, *reading.TIER, *KEYS} <= named | {"least", "most"}
    assert set(names()) <= named
    file = tmp_path / "my_layers.toml"
    file.write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    found = asked(load(str(file)), registry)
    assert {"low_rank", "clebsch_gordan"} <= {c.implementation.split(".")[0] for c in found}
    assert len({dict(c.knobs).get("rank") for c in found}) > 2


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"unknown profile 'quik': did you mean 'quick'\?"):
        load("quik")
    with pytest.raises(ValueError, match=r"no such profile: nowhere\.toml"):
        load("nowhere.toml")


def test_adding_to_a_profile_changes_no_key(registry):
    quick = load("quick")
    more = Block("product", "one more batch size", {"setting": ("mimo",), "lmax": (1,),
                                                    "batch": (77,)})  # fmt: skip
    before, after = (
        {case_id(c, registry): key(c, registry) for c in asked(profile, registry)}
        for profile in (quick, replace(quick, blocks=(*quick.blocks, more)))
    )
    assert set(before) < set(after)
    assert all(after[name] == found for name, found in before.items())


def test_no_key_depends_on_what_is_asked_or_shown(registry):
    """The sources of a key are files of `impls`, and none of them holds a profile."""
    things = [
        *registry.families.values(),
        *registry.operations.values(),
        *registry.implementations.values(),
    ]
    origins = [Path(registry.origin(thing)) for thing in things]
    files = fingerprint.closure(origins, fingerprint.MEASURED)
    assert len(files) > 100
    assert all(file.is_relative_to(ROOT / "impls") for file in files)
    profile = re.compile(r"bench/profiles|\.toml\b")
    assert not [f for f in files if profile.search(f.read_text(encoding="utf-8"))]


# ---- narrowed by a command line ------------------------------------------------------------------


def test_questions_are_put_to_others(registry):
    quick = load("quick")
    other = narrowed(quick, registry, operations=["matrix_multiblock"])
    assert {c.implementation.split(".")[0] for c in asked(other, registry)} == {"matrix_multiblock"}
    assert {p for p, _ in other.asked(registry)} == {
        p for p, _ in quick.asked(registry) if p.family == "product"
    }
    left_out = narrowed(quick, registry, implementations=["gaunt.torch_design"])
    assert {c.implementation for c in asked(left_out, registry)} == {"gaunt.torch_design"}
    with pytest.raises(ValueError, match="--operation: unknown operation 'gant': did you mean"):
        narrowed(quick, registry, operations=["gant"])
    with pytest.raises(ValueError, match="--implementation: unknown implementation 'torch'"):
        narrowed(quick, registry, implementations=["torch"])


def test_settings_are_changed_but_for_those_of_a_tier(registry):
    default = narrowed(load("default"), registry, rounds=5, passes=["grad"])
    assert [default.rounds_of(tier) for tier in default.tiers] == [1, 5]
    assert {case.pass_ for case in asked(default, registry)} == {"grad"}
    with pytest.raises(ValueError, match="rounds must be at least 1, not 0"):
        narrowed(load("quick"), registry, rounds=0)
    with pytest.raises(ValueError, match="--pass: unknown pass 'backward'"):
        narrowed(load("quick"), registry, passes=["backward"])


def test_examples_are_narrowed_too(registry):
    few = narrowed(load("check"), registry, operations=["gate"])
    assert [p for p, _ in few.asked(registry)] == list(registry.family("feature").examples)


# ---- knobs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def knobbed():
    return load_registry([KNOBBED])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (None, [{}]),
        ((1,), [{"cut": 1}]),
        ((2,), [{}]),
        ((0, 2, 1, 0), [{"cut": 0}, {}, {"cut": 1}]),
        ("sweep", [{"cut": 0}, {"cut": 1}, {}]),
    ],
)
def test_values_of_a_knob_but_its_default(knobbed, hand, values, expected):
    operation = knobbed.operation("cut_product")
    problem = hand.problem().with_sizes(irreps_in2="0e+1o+2e")
    turned = {} if values is None else {"cut": values}
    assert settings(operation, problem, turned) == expected


def test_a_knob_is_turned_in_the_cases_of_those_that_have_it(knobbed):
    block = Block("product", "a knob", {"setting": ("mimo",), "lmax": (2,)},
                  operations=("cut_product", "matrix"), implementations=("cut*", "*.torch_dense"),
                  knobs={"cut": (0, 2)})  # fmt: skip
    profile = replace(load("asked"), blocks=(block,), passes=("fwd",))
    found = asked(profile, knobbed)
    assert [(c.implementation, dict(c.knobs)) for c in found] == [
        ("cut_product.direct", {"cut": 0}),
        ("cut_product.direct", {}),
        ("matrix.torch_dense", {}),
    ]
    assert [describe(c, knobbed).get("knob.cut") for c in found] == [0, 2, None]
    meant = plan(profile, Target(), knobbed, "cut=0")
    assert [dict(p.case.knobs) for p in meant.planned] == [{"cut": 0}]
    assert len(plan(profile, Target(), knobbed).blocks()) == 1, "one question, one block"


def test_knobs_that_nobody_has_and_values_of_another_type_are_refused(knobbed, registry):
    product = narrowed(load("quick"), knobbed, operations=["cut_product"], knobs={"cut": [1]})
    assert {dict(c.knobs).get("cut") for c in asked(product, knobbed)} == {None, 1}
    with pytest.raises(ValueError, match="--knob: unknown knob 'cit': did you mean 'cut'"):
        narrowed(load("quick"), knobbed, operations=["cut_product"], knobs={"cit": [1]})
    with pytest.raises(ValueError, match="--knob: unknown knob 'cut': there is none"):
        narrowed(load("quick"), registry, operations=["gaunt"], knobs={"cut": [1]})
    for value in ("1", 1.5, True):
        wrong = narrowed(load("quick"), knobbed, operations=["cut_product"], knobs={"cut": [value]})
        with pytest.raises(ValueError, match=r"of cut_product: .+ is not like"):
            asked(wrong, knobbed)


# ---- tiers ---------------------------------------------------------------------------------------


TIERS = (
    HEAD
    + """
[[tier]]
name = "first"
rounds = 1
always = true
best = ["*.numpy_dense"]

[[tier]]
name = "second"
rounds = 2

[[block]]
tier = "second"
show = "what is repeated"
family = "product"
setting = "mimo"
lmax = 1
operations = ["clebsch_gordan"]
implementations = ["*.numpy_dense"]

[[block]]
tier = "first"
show = "what comes first"
family = "product"
setting = "mimo"
lmax = 1
batch = 7
operations = ["clebsch_gordan"]
implementations = ["*.numpy_*"]
"""
)


def test_tiers_are_measured_in_turn_and_the_first_whatever_the_budget(registry, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(TIERS, encoding="utf-8")
    meant = plan(load(str(file)), Target(), registry)
    assert meant.total == 3 and [p.tier.name for p in meant.planned] == ["second", "first"]
    execute(meant, registry, tmp_path / "out", budget=1e-9)
    rows = load_rows(tmp_path / "out")
    ends = [(r["tier"], r["round"], r["status"]) for r in rows if r["probe"] == "case"]
    assert ends == [("first", 0, "ok"), ("second", 0, "skip"), ("second", 1, "skip")]
    saved = json.loads((tmp_path / "out/plan.json").read_text(encoding="utf-8"))
    assert [(c["tier"], c["rounds"]) for c in saved["cases"]] == [("second", 2), ("first", 1)]
    again = plan(load(str(tmp_path / "out")), Target(), registry)
    assert [p.key for p in again.planned] == [p.key for p in meant.planned]
    execute(again, registry, tmp_path / "out")
    rows = load_rows(tmp_path / "out")
    ends = [(r["tier"], r["round"], r["status"]) for r in rows if r["probe"] == "case"][3:]
    assert ends == [("second", 0, "ok"), ("second", 1, "ok")], "it resumes what was left out"


def test_a_profile_by_hand_has_one_tier(hand, registry):
    meant = hand.plan(registry, [hand.case(registry, "clebsch_gordan.numpy_dense")], rounds=2)
    assert isinstance(meant.settings, Profile) and meant.total == 2
