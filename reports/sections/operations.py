"""Operations: every one that the suite has, and what couples with what."""

from __future__ import annotations

from reports.figures import couplings
from reports.story import Content, Section, Story
from reports.tables import catalogue


def _tell(story: Story) -> Content:
    maps = couplings.maps(story.registry)
    drawing = maps and story.keep("couplings", couplings.alt(maps), couplings.draw(maps))
    return {
        "catalogue": catalogue.table(story.about, story.can, story.references),
        "couplings": drawing,
    }


SECTION = Section(
    order=100,
    anchor="operations",
    title="Operations",
    about="every operation of the suite: what it couples, what it costs, who uses it",
    tell=_tell,
    html="""\
<p>Every operation that the suite has, whether this run measured it or not. Symmetry is exact unless said otherwise. What an operation <strong>couples</strong>, and its <strong>dimension</strong>, are derived from its coefficients for 0..L ⊗ 0..L → 0..2L with degrees only: how many of the triples (l₁, l₂, l₃) that rotations allow it can couple, and the dimension of the set of bilinear maps that it reaches with linear maps before and behind it (– where it does not answer this problem). <strong>Cost</strong> says how the multiplications grow with L and with the number of channels C, each by itself; an algorithm has its own beside its name where it differs. Implementations are in NumPy, PyTorch and JAX unless said otherwise.</p>
{{ table(catalogue, csv, "catalogue") }}
{% if couplings %}
{{ h3("What couples with what") }}
<figure id="figure-couplings" class="panels-3">
{{ couplings }}
<figcaption>Reduced coefficients of 0..2 ⊗ 0..2 → 0..4, degrees only: a row is a pair (l₁, l₂), a column l₃. The area of a mark is the size of the coefficient relative to the largest of its operation, filled where l₁ + l₂ + l₃ is even and open where it is odd (antisymmetric); a dot is allowed by rotations but does not couple.
<a href="figures/couplings.svg">SVG</a> <a href="figures/couplings.pdf">PDF</a>
</figcaption>
</figure>
{% endif %}
""",
)
