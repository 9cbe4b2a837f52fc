"""Operations: a part for each, what it is, what it gives up, what it costs here, how to call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from markupsafe import Markup

from reports.data import claims, series, usage
from reports.data.bibliography import Reference
from reports.data.blocks import Block
from reports.data.ledger import Judged
from reports.data.losses import NOTHING, derivable, lost
from reports.data.results import Result
from reports.data.series import Series
from reports.data.symmetry import asked, broken, words
from reports.data.table import Table
from reports.data.text import count, raised
from reports.figures import cost, couplings, front, knobs, pgf, plot
from reports.story import PICTURES, Content, Section, Story
from reports.tables import catalogue, operation
from reports.tables.catalogue import About
from reports.tables.claims import shown

OPENED = 3
"""Operations whose parts are unfolded, at most: with more the page is long before it is read."""
COUPLES = "What couples: rows (l₁, l₂), columns l₃; open marks have an odd sum."


@dataclass(frozen=True)
class Picture:
    """A figure of one operation."""

    name: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class Part:
    """What is told of one operation."""

    about: About
    title: str
    state: str
    facts: list[tuple[str, str]]
    papers: list[Reference]
    users: list[Reference]
    claims: list[tuple[Judged, Reference, list[str]]]
    limits: list[str]
    usage: str
    bibtex: str
    implementations: Table | None = None
    knobs: Table | None = None
    pictures: Sequence[Picture] = ()
    open: bool = False

    @property
    def anchor(self) -> str:
        """Return where it stands on the page."""
        return catalogue.part(self.about.family, self.about.name)


def _tell(story: Story) -> Content:
    maps = couplings.maps(story.registry)
    titled = {story.words.operation(name): found for name, found in maps.items()}
    drawing = maps and story.keep("couplings", couplings.alt(titled), couplings.draw(titled))
    question = story.question
    main = _first(question.main.headline[1]) if question else []
    order = sorted(
        story.about,
        key=lambda o: (main.index(o.name) if o.name in main else len(main), not o.run),
    )
    opened = _opened(story)
    parts, room = [], PICTURES
    for o in order:
        parts.append(_part(story, o, maps, o.name in opened, room))
        room -= len(parts[-1].pictures)
    ran = [p for p in parts if p.about.run and not p.open]
    return {
        "first": [p for p in parts if p.open],
        "others": [
            (f"{count(len(found), 'more operation')} {what}", found)
            for what, found in (
                ("timed in this run", ran),
                ("not in this run", [p for p in parts if not (p.open or p.about.run)]),
            )
            if found
        ],
        "catalogue": catalogue.table(story.about, story.can, story.references, story.words),
        "couplings": drawing,
    }


def _first(block: Block) -> list[str]:
    """Return the operations of a block by time, those that break a symmetry last."""
    wanted, found = asked(block.results), series.operations(block)
    return sorted(found, key=lambda name: bool(broken(found[name][0], wanted)))


def _opened(story: Story) -> set[str]:
    """Return the operations that a reader has to choose from: those that the front names.

    That is what keeps every symmetry and is not dominated in the question that the page opens
    with: nothing else expresses as much in less time. Of many these are what expresses most, and
    the fastest.
    """
    if story.question is None:
        return set()
    _, block = story.question.main.headline
    points = front.not_dominated(front.points(block, story.can, story.words))
    found = list(dict.fromkeys(p.operation for p in [*points[-1:], *points]))
    return set(found[:OPENED] or _first(block)[:1])


def _part(story: Story, o: About, maps: Mapping[str, Any], opened: bool, room: int) -> Part:
    home = _home(story, o.name)
    papers = [story.references[key] for key in o.papers if key in story.references]
    users = [story.references[key] for key in o.users if key in story.references]
    mine = story.by_operation.get(o.name, [])
    return Part(
        about=o,
        title=story.words.operation(o.name),
        state=_state(o, mine),
        facts=_facts(story, o, home),
        papers=papers,
        users=users,
        claims=_claims(story, o.name),
        limits=operation.limits(o.name, mine, story.words),
        usage=usage.usage(story.registry, o.name, _fastest(home, o.name)),
        bibtex="\n\n".join(reference.source for reference in papers),
        implementations=operation.implementations(o.name, home[1], story.words, o)
        if home
        else None,
        knobs=operation.knobs(o.name, mine, story.words),
        pictures=[
            Picture(name, caption, story.keep(name, alt, draw(), tex))
            for name, caption, alt, draw, tex in islice(_pictures(story, o.name, home, maps), room)
        ],
        open=opened,
    )


def _claims(story: Story, name: str) -> list[tuple[Judged, Reference, list[str]]]:
    """Return the claims on an operation, judged, with their papers and what was found."""
    mine = {claim.id for claim in claims.of(name)}
    return [
        (each, story.references[each.claim.paper], shown(each.findings))
        for each in story.ledger
        if each.claim.id in mine
    ]


def _home(story: Story, name: str) -> tuple[Series, Block] | None:
    """Return where an operation is told of: the first question of the page, or its largest."""
    question = story.question
    if question and name in series.operations(question.main.headline[1]):
        return question.main, question.main.headline[1]
    found = [
        (len(timed), each, block)
        for each in story.series
        for block in each.blocks[each.pass_].values()
        if (timed := series.operations(block).get(name))
    ]
    return max(found, key=lambda item: item[0])[1:] if found else None


def _fastest(home: tuple[Series, Block] | None, name: str) -> list[str]:
    found = series.operations(home[1])[name] if home else []
    return [str(r.columns.get("implementation")) for r in found]


def _state(o: About, mine: list[Result]) -> str:
    """Return in a few words what the run has of an operation."""
    timed = sum(r.published for r in mine)
    if not o.run:
        return "not in this run"
    return f"{timed} of {len([r for r in mine if r.status != 'skip'])} results timed here"


def _facts(story: Story, o: About, home: tuple[Series, Block] | None) -> list[tuple[str, str]]:
    claimed = words(o.subgroups)
    group = f"{o.group} ({claimed})" if o.group else claimed or "none"
    facts = [("Symmetry claimed", "; ".join(filter(None, [group, o.inexact])))]
    mine = series.operations(home[1])[o.name] if home else []
    gone = broken(mine[0], asked(home[1].results)) if home and mine else ()
    if mine and (dim := story.can.dim(mine[0])) is not None:
        full = None if gone else story.can.full(mine[0])
        of = f" of {full:g}" if full is not None else ""
        problem = story.words.problem(mine[0])
        facts.append(("Can express", f"{dim:g}{of} dimensions, measured here ({problem})"))
    if o.dimensions:
        steps = ", ".join("–" if d is None else f"{d}" for d in o.dimensions)
        facts.append(("Derived", f"{steps} dimensions at L = 1 to 4, degrees only"))
    if o.paths:
        facts.append(("Couples", "{} of {} kinds of path at L = 2, degrees only".format(*o.paths)))
    loses = lost(story.registry, o.name, [words([group]) for group in gone])
    known = bool(loses) or derivable(story.registry, o.name)
    if known:
        facts.append(("Loses", "; ".join(loses) or NOTHING))
    if o.order:
        facts.append(("Arithmetic grows as", raised(o.cost)))
    return facts


Drawable = tuple[str, str, str, Callable[[], plot.Drawing], str]
"""The name of a figure, its caption, itself in words, what draws it, and its pgfplots."""


def _pictures(
    story: Story, name: str, home: tuple[Series, Block] | None, maps: Mapping[str, Any]
) -> Iterator[Drawable]:
    """Yield what there is to draw of an operation that was timed, what tells most first."""
    if home is None:
        return
    looks = story.look
    mine = story.by_operation.get(name, [])
    found = [(f, looks) for f in knobs.figures_of(name, mine, story.can, story.words)]
    if made := cost.figure_of(home[0], name, story.words):
        found.insert(0, (made[0], cost.muted(looks, made[1])))
    for figure, look in found:
        draw = partial(plot.draw, figure, look)
        yield figure.name, figure.caption, figure.alt, draw, pgf.chart(figure, look)
    if name in maps:
        titled = {story.words.operation(name): maps[name]}
        draw = partial(couplings.draw, titled)
        yield f"coupling-{name}", COUPLES, couplings.alt(titled), draw, ""


SECTION = Section(
    order=100,
    anchor="operations",
    title="Operations",
    open=True,
    tell=_tell,
    html="""\
{% macro links(references) %}{% for r in references %}{{ ", " if not loop.first }}<a href="#{{ anchor(r.key) }}">{{ r.short }}</a>{% endfor %}{% endmacro %}
{% macro part(o) %}
{% call folding(o.title, o.anchor, [o.about.group, o.state] | select | join(", "), o.open, "operation") %}
{% if o.about.summary %}
<p>{{ o.about.summary[0] | upper }}{{ o.about.summary[1:] }}{% if o.papers %} ({{ links(o.papers) }}){% endif %}.</p>
{% endif %}
<dl class="facts">
{% for name, value in o.facts %}
<dt>{{ name }}</dt><dd>{{ explained(unbroken(value)) }}</dd>
{% endfor %}
{% if o.users %}
<dt>Used by</dt><dd>{{ links(o.users) }}</dd>
{% endif %}
{% if o.limits %}
<dt>Limits</dt><dd>{% for line in o.limits %}<span class="line">{{ line }}</span>{% endfor %}</dd>
{% endif %}
</dl>
{% if o.pictures %}
<div class="beside">
{% for p in o.pictures %}
<figure id="figure-{{ p.name }}">
{{ p.svg }}
<figcaption>{{ explained(unbroken(p.caption)) }}
<a href="figures/{{ p.name }}.pdf">PDF</a></figcaption>
</figure>
{% endfor %}
</div>
{% endif %}
{{ table(o.implementations, csv) if o.implementations }}
{{ table(o.knobs, csv) if o.knobs }}
<details>
<summary>{{ o.claims | length }} claims of papers, {{ o.claims | map("first") | selectattr("decided") | list | length }} decided by rows{{ "; code that calls it" if o.usage }}{{ "; BibTeX" if o.bibtex }}</summary>
<ul class="claims">
{% for j, paper, seen in o.claims %}
{% set c = j.claim %}
<li id="claim-{{ o.anchor }}-{{ c.id }}">“{{ c.claim }}” ({{ links([paper]) }}, {{ c.where }}; {{ c.setting }}; {{ c.value }}). <strong>{{ j.kind | capitalize }}</strong>{{ ": " ~ (seen | join("; ") or c.not_testable) }}.{% if c.evidence %} Tests: {{ c.evidence }}.{% endif %}</li>
{% endfor %}
</ul>
{% if o.usage %}
<pre><code>{{ o.usage }}</code></pre>
{% endif %}
{% if o.bibtex %}
<pre><code>{{ o.bibtex }}</code></pre>
{% endif %}
</details>
{% endcall %}
{% endmacro %}
{% for o in first %}
{{ part(o) }}
{%- endfor %}
{% for title, found in others %}
{% call folding(title) %}
{% for o in found %}
{{ part(o) }}
{%- endfor %}
{% endcall %}
{% endfor %}
{% call folding("All operations of the suite") %}
<p>Symmetry is exact unless said otherwise. What an operation <strong>couples</strong>, and its <strong>dimension</strong>, are derived from its coefficients for 0..L ⊗ 0..L → 0..2L with degrees only: how many of the triples (l₁, l₂, l₃) that rotations allow it can couple, and the dimension of the set of bilinear maps that it reaches with linear maps before and behind it (– where it does not answer this problem). <strong>Cost</strong> says how the multiplications grow with L and with the number of channels C, each by itself; an algorithm has its own beside its name where it differs. Implementations are in NumPy, PyTorch and JAX unless said otherwise.</p>
{{ table(catalogue, csv, "cards catalogue") }}
{% if couplings %}
{{ h3("What couples with what") }}
<figure id="figure-couplings" class="panels-3">
{{ couplings }}
<figcaption>Reduced coefficients, degrees only: a row is a pair (l₁, l₂), a column l₃. The area of a mark is the size of the coefficient relative to the largest of its operation, filled where l₁ + l₂ + l₃ is even and open where it is odd (antisymmetric); a dot is allowed by rotations but does not couple.
<a href="figures/couplings.svg">SVG</a> <a href="figures/couplings.pdf">PDF</a>
</figcaption>
</figure>
{% endif %}
{% endcall %}
""",
)
