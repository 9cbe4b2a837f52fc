"""Errors on orbits: where on a group a map fails."""

from __future__ import annotations

from reports.figures import orbits
from reports.story import ORBITS, Content, Section, Story


def _tell(story: Story) -> Content | None:
    every = list(orbits.orbits(story.results))
    found = [
        (shown, story.keep(shown.name, shown.alt, orbits.draw(shown.found)))
        for shown in every[:ORBITS]
    ]
    return {"orbits": found, "left_out": len(every) - len(found)} if found else None


SECTION = Section(
    order=1000,
    anchor="orbits",
    title="Errors on orbits",
    about="where on a group a map fails",
    tell=_tell,
    html="""\
<p>The error of one input moved by the elements of a group: against the truth, the float64 oracle of the moved input; or against the consensus, the mean of what was said along the orbit after it is turned back. Against the consensus an equivariant map has no error, whether right or wrong. A rotation is drawn as its rotation vector, axis times angle / π, seen along the three axes of space.</p>
{% for shown, svg in orbits %}
<details{{ " open" if loop.first }}>
<summary>{{ shown.title }}</summary>
<figure id="figure-{{ shown.name }}" class="panels-3">
{{ svg }}
<figcaption>{{ shown.alt }}
<a href="figures/{{ shown.name }}.svg">SVG</a> <a href="figures/{{ shown.name }}.pdf">PDF</a>
</figcaption>
</figure>
</details>
{% endfor %}
{% if left_out %}
<p>{{ left_out }} more orbits are not drawn: their errors stand in the rows.</p>
{% endif %}
""",
)
