"""The page in a browser: what a reader does with it, what a policy allows, what a screen holds."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.commands.line import parser_of
from impls.registry import load
from reports.build import build
from reports.data import claims
from tests.reports.browser import Browser, Tab, program
from tests.reports.conftest import HOSTILE, Writer
from tests.reports.large import Batch

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("EQUIBENCH_AXE", ROOT / ".cache/axe-core/axe.min.js"))
"""axe-core of the npm registry, which its licence keeps out of this repository: `make axe`."""
EXPLORER = "#explorer?"
PUBLISHED = [path.parent.name for path in ROOT.glob("reports/published/*/rows.jsonl")]
OPEN_ALL = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"
ROWS = "[...document.querySelectorAll('#explorer-table tbody tr')]"
SCREENS = pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)]
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(program() is None, reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = Browser(str(program()))
    yield found
    found.close()


@pytest.fixture
def show(browser: Browser, report: Path) -> Callable[..., Tab]:
    """Return what opens the page of the synthetic run."""

    def opened(fragment: str = "", page: Path = report, **options: Any) -> Tab:
        return Tab(browser, (page / "index.html").as_uri() + fragment, **options)

    return opened


def _texts(tab: Tab, column: int) -> list[str]:
    cell = f"(row) => row.children[{column}].firstChild.textContent"
    return list(tab.evaluate(f"{ROWS}.map({cell})"))


def _heads(tab: Tab) -> list[str]:
    return list(
        tab.evaluate(
            "[...document.querySelectorAll('#explorer-table thead th')]"
            ".map((th) => (th.querySelector('button') ?? th).firstChild.textContent)"
        )
    )


def _click(tab: Tab, selector: str) -> None:
    tab.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


def _button(tab: Tab, name: str) -> None:
    tab.evaluate(
        "[...document.querySelectorAll('#explorer-app button')]"
        f".find((each) => each.textContent === {json.dumps(name)}).click()"
    )


@SCREENS
def test_the_page_fits_the_screen_and_is_folded(
    show: Callable[..., Tab], width: int, dark: bool
) -> None:
    with show(width=width, dark=dark) as tab:
        root = "document.documentElement"
        assert tab.evaluate(f"{root}.scrollHeight") <= 20_000
        assert tab.evaluate(f"{root}.scrollWidth") <= width
        tab.evaluate(OPEN_ALL)
        assert tab.evaluate(f"{root}.scrollWidth") <= width
        assert tab.evaluate(WIDER) == tab.evaluate(CUT) == []


WIDER = """[...document.querySelectorAll('svg.figure')]
  .filter((each) => each.getAttribute('width') > each.parentElement.clientWidth)
  .map((each) => each.closest('figure').id)"""
"""Figures with a panel that is made smaller than it was drawn: its text is too."""

CUT = """[...document.querySelectorAll('.scroll')].flatMap((box) => {
  const table = box.querySelector('table');
  const head = table.querySelector('tbody th');
  const faults = [];
  if (box.clientWidth && box.scrollWidth > box.clientWidth) {
    if (table.classList.contains('cards') && innerWidth < 600) faults.push('is no card');
    if (!getComputedStyle(box).backgroundImage.includes('gradient')) faults.push('has no shade');
    if (head && innerWidth < 600) {
      box.scrollLeft = box.scrollWidth;
      const at = head.getBoundingClientRect().left - box.getBoundingClientRect().left;
      if (at < -1 || head.offsetWidth > box.clientWidth / 2) faults.push('loses its rows');
      box.scrollLeft = 0;
    }
  }
  const caption = table.caption?.offsetWidth ?? 0;
  if (innerWidth < 600 && caption > box.clientWidth + 1) faults.push('has a caption cut off');
  return faults.map((fault) => `${table.id} ${fault}`);
})"""
"""Tables that are wider than their box, and do not say so or lose the names of their rows."""


@pytest.mark.parametrize("run", sorted(PUBLISHED))
def test_a_published_page_keeps_the_limits(show: Callable[..., Tab], run: str) -> None:
    published = ROOT / "reports/published" / run
    assert (published / "index.html").stat().st_size <= 5_000_000
    root = "document.documentElement"
    with show(page=published) as tab:
        assert tab.evaluate(f"{root}.scrollHeight") <= 20_000
        assert len(_stops(tab)) <= 80
        assert _pages(tab.pdf()) <= 15
    with show(page=published, width=390) as tab:
        assert tab.evaluate(f"{root}.scrollHeight") <= 20_000
        tab.evaluate(OPEN_ALL)
        assert tab.evaluate(f"{root}.scrollWidth") <= 390
        assert tab.evaluate(SMALL_TEXT) == tab.evaluate(WIDER) == tab.evaluate(CUT) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_no_label_is_under_eleven_pixels(show: Callable[..., Tab], width: int) -> None:
    with show(EXPLORER, width=width) as tab:
        tab.evaluate(OPEN_ALL)
        tab.wait("document.querySelector('.explorer-plot svg text')")
        small = tab.evaluate(SMALL_TEXT)
        assert small == []


SMALL_TEXT = """(() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !parent.checkVisibility()) continue;
    if (parent.closest('script, style, title, .sr')) continue;
    const matrix = parent.getScreenCTM?.();
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
    const size = parseFloat(getComputedStyle(parent).fontSize) * scale;
    if (size < 10.99) found.push(`${walk.currentNode.textContent.trim().slice(0, 30)}: ${size}`);
  }
  return found;
})()"""


def test_the_front_has_few_tab_stops_and_none_is_a_permalink(show: Callable[..., Tab]) -> None:
    with show() as tab:
        stops = _stops(tab)
        assert 10 < len(stops) <= 80
        assert not [stop for stop in stops if "permalink" in stop]


def _stops(tab: Tab) -> list[str]:
    """Return the place and class of what the tab key reaches, in turn."""
    stops: list[str] = []
    while len(stops) < 200:
        tab.press("Tab")
        at = tab.evaluate(
            "(() => { const at = document.activeElement; if (at === document.body) return '';"
            " const all = [...document.querySelectorAll('*')];"
            " return `${all.indexOf(at)} ${at.className}`; })()"
        )
        if not at or at in stops:
            break
        stops.append(at)
    return stops


def test_it_prints_on_a_few_pages(show: Callable[..., Tab]) -> None:
    with show() as tab:
        assert 1 <= _pages(tab.pdf()) <= 15


def _pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_dark_and_light_differ_and_are_read(show: Callable[..., Tab]) -> None:
    colours = {}
    for dark in (False, True):
        with show(EXPLORER, dark=dark) as tab:
            tab.wait("document.querySelector('.explorer-plot svg text')")
            of = "(selector) => getComputedStyle(document.querySelector(selector))"
            paper = tab.evaluate(f"({of})('body').backgroundColor")
            ink = tab.evaluate(f"({of})('.explorer-plot svg text').fill")
            colours[dark] = (_light(paper), _light(ink))
    assert colours[False][0] > 200 > 80 > colours[False][1]
    assert colours[True][0] < 60 < 180 < colours[True][1]


def _light(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


def test_filters_stand_in_the_address_and_come_back(show: Callable[..., Tab]) -> None:
    with show(EXPLORER) as tab:
        every = tab.evaluate(f"{ROWS}.length")
        _click(tab, '[data-field="operation"][data-word="gaunt"]')
        _click(tab, '[data-field="lmax"][data-word="3"]')
        names = _texts(tab, 0)
        assert 0 < len(names) < every and all(name.startswith("Gaunt product (") for name in names)
        pressed = tab.evaluate("document.activeElement.dataset.word")
        assert pressed == "3", "the keyboard stays where it was"
        count = tab.evaluate("document.getElementById('explorer-summary').textContent")
        assert count.startswith(f"{len(names)} of ")
        chip = '[data-field="pass"][data-word="grad"]'
        n = int(tab.evaluate(f"document.querySelector('{chip} .n-of').textContent"))
        _click(tab, chip)
        assert tab.evaluate(f"{ROWS}.length") == n
        address = tab.evaluate("location.href")
        assert address.endswith("#explorer?operation=gaunt&lmax=3&pass=grad")
        names = _texts(tab, 0)
    with show(address.partition("index.html")[2]) as again:
        assert _texts(again, 0) == names
        _button(again, "reset")
        assert again.evaluate(f"{ROWS}.length") == every


def test_sorting_is_by_value_either_way(show: Callable[..., Tab], report: Path) -> None:
    with show(EXPLORER) as tab:
        at = _heads(tab).index("time")
        shown = [text for text in _texts(tab, at) if text != "–"]
        assert shown == sorted(shown, key=float), "the shortest time comes first"
        _click(tab, f"#explorer-table th:nth-child({at + 1}) button")
        texts = _texts(tab, at)
        found = [text for text in texts if text != "–"]
        assert found == sorted(found, key=float, reverse=True)
        assert texts[len(found) :] == ["–"] * (len(texts) - len(found)), "what has none comes last"
        sort = tab.evaluate(
            f"document.querySelector('#explorer-table th:nth-child({at + 1})').ariaSort"
        )
        assert sort == "descending" and "sort=-time" in tab.evaluate("location.hash")


def test_any_number_is_drawn_against_any_field(show: Callable[..., Tab]) -> None:
    dots = "document.querySelectorAll("
    dots += "'.explorer-plot [aria-label=dot] :is(path, circle)').length"
    with show(EXPLORER + "operation=clebsch_gordan,gaunt,matrix") as tab:
        assert tab.evaluate(dots) >= 20
        label = "document.querySelector('.explorer-plot [role=img]').ariaLabel"
        assert tab.evaluate(label).startswith("time against degree L, ")
        for name, value in (("x", "dim"), ("y", "error"), ("per", "lmax"), ("panels", "")):
            tab.evaluate(
                f"(() => {{ const it = document.getElementById('explorer-{name}');"
                f" it.value = '{value}'; it.dispatchEvent(new Event('change')); }})()"
            )
        assert tab.evaluate(label).startswith("error, relative / degree L against dim, ")
        assert tab.evaluate(dots) >= 10
        assert "x=dim&y=error&per=lmax&panels=" in tab.evaluate("location.hash")


def _copied(tab: Tab, name: str) -> str:
    _button(tab, f"copy as {name}")
    return str(tab.evaluate("document.getElementById('explorer-copied').value"))


def test_a_table_is_copied_as_csv_and_markdown(show: Callable[..., Tab]) -> None:
    with show(EXPLORER + "operation=gaunt,hostile") as tab:
        names, heads = _texts(tab, 0), _heads(tab)
        rows = list(csv.reader(io.StringIO(_copied(tab, "CSV"))))
        assert [row[0] for row in rows[1:]] == names
        assert [head.split(" [")[0] for head in rows[0]] == heads[:-1]
        at = heads.index("error, relative")
        assert {float(row[at]) for row in rows[1:] if row[at]} == {1e-7}
        lines = _copied(tab, "Markdown").splitlines()
        assert len([line for line in lines if line.startswith("| ")]) == len(names) + 2
        assert "<script" not in re.sub(r"\\.", "", "".join(lines))
        tab.wait("document.querySelector('#explorer-text [role=status]').textContent.includes(':')")


def test_a_table_is_copied_as_latex_that_compiles(show: Callable[..., Tab], tmp_path: Path) -> None:
    with show(EXPLORER) as tab:
        number = tab.evaluate(f"{ROWS}.length")
        table = _copied(tab, "LaTeX")
    body = table.split("\\midrule\n")[1].split("\\bottomrule")[0]
    assert body.count("\\\\\n") == number and "\\toprule" in table
    assert r"\textless{}script\textgreater{}" in body and r"\$x\textasciicircum{}2\$" in body
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex on this machine: the table was made, and not compiled")
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n\\tiny\n"
    (tmp_path / "table.tex").write_text(f"{document}{table}\\end{{document}}\n", encoding="utf-8")
    made = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout[-2000:]


def test_a_case_has_an_address_and_the_command_that_measures_it(
    show: Callable[..., Tab], report: Path
) -> None:
    file = (report / "tables/all-cases.csv").read_text(encoding="utf-8")
    cases = {row["key"]: row["case"] for row in csv.DictReader(io.StringIO(file))}
    key = next(key for key, case in cases.items() if "jax_sparse/grad" in case)
    with show(f"{EXPLORER}case={key}") as tab:
        assert tab.evaluate(f"{ROWS}.length") == 1
        said = shlex.split(tab.evaluate("document.getElementById('explorer-command').textContent"))
    assert said[:4] == ["python", "-m", "bench", "run"]
    _, unknown = parser_of(said[3:]).parse_known_args(said[3:])
    assert not unknown
    options = dict(zip(said[4::2], said[5::2], strict=True))
    assert [case for case in cases.values() if case in options["--select"]] == [cases[key]]
    assert options["--profile"] == "DIR" and options["--rounds"] == "3"
    assert options["--implementation"] == "clebsch_gordan.jax_sparse"
    assert options["--pass"] == "grad" and options["--device"] == "cpu"


def test_options_in_a_case_are_no_pattern(show: Callable[..., Tab]) -> None:
    with show() as tab:
        # the file of the script, in a scope where its functions can be called
        script = (ROOT / "reports/scripts/command.js").read_text(encoding="utf-8")
        records = (
            "{ named: new Map(), profile: 'quick', implementation: () => \"it's\","
            " id: () => 'p/a::o.i[tile=4]/fwd/eager@cpu' }"
        )
        said = tab.evaluate(f"(() => {{ {script}; return command({records}, 0); }})()")
    options = shlex.split(said)
    assert "--vary" in options and options[options.index("--implementation") + 1] == "it's"
    pattern = options[options.index("--select") + 1]
    assert fnmatch.fnmatchcase("p/a::o.i[tile=4]/fwd/eager@cpu", pattern)


def test_an_address_unfolds_what_it_names(show: Callable[..., Tab], page: str) -> None:
    name = re.search(r'<tr id="(growth[^"]*|exponents--[^"]+)"', page)
    assert name
    with show(f"#{name[1]}") as tab:
        assert tab.evaluate(f"document.getElementById('{name[1]}').checkVisibility()")
        tab.evaluate("location.hash = '#methods'")
        tab.wait("document.querySelector('#methods > details').open")


def test_the_form_answers_what_is_asked(show: Callable[..., Tab]) -> None:
    answer = "document.getElementById('advise-answer').textContent"
    with show("#advise") as tab:
        said = tab.evaluate(answer)
        assert "measured at this shape" in said and "Clebsch" in said
        tab.evaluate(
            "(() => { const it = document.getElementById('advise-channels'); it.value = 64;"
            " it.dispatchEvent(new Event('input')); })()"
        )
        assert "far, not at this shape (6.0 doublings away)" in tab.evaluate(answer)
        tab.evaluate(
            "(() => { const it = document.getElementById('advise-first'); it.value = '2x0e+1o';"
            " it.dispatchEvent(new Event('input')); })()"
        )
        assert "1 and 2 copies" in tab.evaluate(answer)


def test_without_scripts_a_table_stands(show: Callable[..., Tab]) -> None:
    with show(script=False) as tab:
        hidden = "document.getElementById('explorer-app').hidden"
        assert tab.evaluate(hidden)
        _click(tab, "#explorer > details > summary")
        _click(tab, "#explorer-static > summary")
        assert tab.evaluate("document.querySelector('#all-cases tbody tr').checkVisibility()")
        assert tab.evaluate("document.querySelector('#explorer noscript').innerText").startswith(
            "Filters"
        )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a run with hostile text in rows, plan, facts and a claim."""
    directory, out = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("hostile-page")
    writer = Writer(directory)
    facts = {"cpu": HOSTILE, "cores": 2, "gpus": [HOSTILE], HOSTILE: HOSTILE}
    writer.machine = writer.store.facts("machines", facts)
    writer.environment = writer.store.facts(
        "environments", {"python": HOSTILE, "packages": {HOSTILE: HOSTILE, "torch": HOSTILE}}
    )
    for lmax in (1, 2, 3):
        facets = {"setting": HOSTILE, "lmax": lmax, HOSTILE: HOSTILE, "</script>": 1}
        for name in (f"gaunt.{HOSTILE}", f"{HOSTILE}.torch_{HOSTILE}", "gaunt.torch_grid"):
            writer.case(
                name, facets, family=HOSTILE, pass_=HOSTILE, mode=HOSTILE, protocol=HOSTILE,
                flags=(HOSTILE,), dim=(5, 5), detail={"layout": HOSTILE, "kernel": HOSTILE},
                extra={f"mem.{HOSTILE}": (1.0, HOSTILE), HOSTILE: (2.0, HOSTILE)},
                groups={HOSTILE: (1e-8, True)},
            )  # fmt: skip
        writer.case(
            "gaunt.torch_bad", facets, family=HOSTILE, pass_=HOSTILE, status="crash",
            reason=HOSTILE, error=None,
        )  # fmt: skip
    plan = json.loads((directory / "plan.json").read_text(encoding="utf-8"))
    plan |= {"profile": HOSTILE, "commands": [{"command": HOSTILE, "run": HOSTILE}]}
    (directory / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    fields = ("id", "claim", "setting", "value", "where", "evidence", "not_testable")
    claim = {"operation": "gaunt", "paper": "luo2024"} | dict.fromkeys(fields, HOSTILE)
    lines = "".join(f"{name} = {json.dumps(text)}\n" for name, text in claim.items())
    (directory / "claims").mkdir()
    (directory / "claims/gaunt.toml").write_text(f"[[claim]]\n{lines}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        told = claims.read(directory / "claims")
        patch.setattr(claims, "read", lambda: told)
        build(directory, out)
    return out


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_text_stays_text(show: Callable[..., Tab], hostile: Path, width: int) -> None:
    with show(EXPLORER, hostile, width=width) as tab:
        tab.evaluate(OPEN_ALL)
        tab.wait("document.querySelector('.explorer-plot svg text')")
        _click(tab, "#explorer-table td button")
        for name in ("LaTeX", "Markdown", "CSV"):
            _button(tab, f"copy as {name}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        scripts = tab.evaluate("[...document.scripts].map((each) => each.textContent.slice(0, 40))")
        assert not [text for text in scripts if "alert" in text]
        for of in ("#explorer-app", ".claims"):
            every = f"[...document.querySelectorAll('{of}')]"
            told = tab.evaluate(f"{every}.map((each) => each.textContent).join()")
            assert "<script>alert(1)</script> $x^2$" in told


OPERATIONS = 55


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a run of more operations than the suite has."""
    directory, out = tmp_path_factory.mktemp("many"), tmp_path_factory.mktemp("many-page")
    writer = Batch(directory)
    known = sorted(name for name, o in load().operations.items() if o.family == "product")
    names = [*known, *(f"plug_in_{n}" for n in range(OPERATIONS - len(known)))]
    for n, name in enumerate(names):
        for lmax in (1, 2):
            for framework in ("torch", "jax"):
                facets = {"setting": "mimo", "symmetry": "o3", "lmax": lmax, "batch": 1000}
                writer.case(
                    f"{name}.{framework}_dense", facets, rounds=4, time=1e-4 * lmax * (1 + n),
                    dim=(1 + n % 9, 1 + n % 9), full=9,
                    groups={"rotation": (2e-7, True), "inversion": (0.7, False)}
                    if n % 5 == 0
                    else {"rotation": (2e-7, True), "inversion": (1e-8, True)},
                )  # fmt: skip
    writer.write()
    build(directory, out)
    return out


@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_of_fifty_operations_is_read(
    show: Callable[..., Tab], many: Path, width: int
) -> None:
    root = "document.documentElement"
    with show(page=many, width=width) as tab:
        assert tab.evaluate(f"{root}.scrollHeight") <= 20_000
        assert len(_stops(tab)) <= 80
        assert 2 < tab.evaluate("document.querySelectorAll('#front tbody tr').length") <= 8
        warnings = tab.evaluate(
            "[...document.querySelectorAll('.conclusions li')].map((each) => each.textContent)"
            ".filter((text) => text.startsWith('Warning'))"
        )
        assert len(warnings) == 1 and "and 8 more break inversion" in warnings[0]
        assert width < 600 or _pages(tab.pdf()) <= 15
    with show(EXPLORER, many, width=width) as tab:
        tab.evaluate(OPEN_ALL)
        tab.wait("document.querySelector('.explorer-plot svg text')")
        tallest = "Math.max(...[...document.querySelectorAll('.chips')].map((e) => e.offsetHeight))"
        assert tab.evaluate(tallest) <= 200
        assert tab.evaluate("document.querySelectorAll('.legend li').length") == 8
        assert tab.evaluate(f"{root}.scrollWidth") <= width
        assert tab.evaluate(CUT) == tab.evaluate(WIDER) == tab.evaluate(SMALL_TEXT) == []
        rows = "document.querySelectorAll('#coverage tbody tr').length"
        assert tab.evaluate(rows) == 2 * OPERATIONS


def test_a_chip_of_many_is_found_by_its_text(show: Callable[..., Tab], many: Path) -> None:
    chips = "[...document.querySelectorAll('[data-field=operation]:not([hidden])')]"
    find = (
        "(() => { const box = document.querySelector('[data-facet=operation] .finder');"
        " box.value = 'GAUNT'; box.dispatchEvent(new Event('input')); })()"
    )
    with show(EXPLORER, many) as tab:
        assert tab.evaluate(f"{chips}.length") == OPERATIONS
        tab.evaluate(find)
        found = tab.evaluate(f"{chips}.map((each) => each.textContent)")
        assert 1 < len(found) < 8 and all("Gaunt" in text for text in found)
        _click(tab, '[data-field="operation"][data-word="gaunt"]')
        assert tab.evaluate(f"{chips}.length") == len(found), "it stays when chips are made anew"
        assert set(_texts(tab, 0)) == {"Gaunt product (torch_dense)", "Gaunt product (jax_dense)"}


NO_AXE = pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: `make axe` fetches it")


@NO_AXE
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(show: Callable[..., Tab], width: int) -> None:
    """With all unfolded, where everything is seen that is there."""
    with show(EXPLORER, width=width) as tab:
        tab.wait("document.querySelector('.explorer-plot svg text')")
        _click(tab, "#explorer-table td button")
        tab.evaluate(OPEN_ALL)
        assert _violations(tab) == []


@NO_AXE
def test_axe_finds_no_faint_text_in_the_dark(show: Callable[..., Tab]) -> None:
    """Dark and light differ in colours alone."""
    with show(EXPLORER, dark=True) as tab:
        tab.wait("document.querySelector('.explorer-plot svg text')")
        _click(tab, "#explorer-table td button")
        tab.evaluate(OPEN_ALL)
        assert _violations(tab, "runOnly: ['color-contrast']") == []


def _violations(tab: Tab, options: str = "") -> list[str]:
    """Return what axe-core finds, with the places."""
    tab.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    return list(
        tab.evaluate(
            f"axe.run({{resultTypes: ['violations'], {options}}}).then((all) => all.violations.map("
            "(each) => `${each.id}: ${each.help}: "
            "${each.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' ')}`))"
        )
    )
