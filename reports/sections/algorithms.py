"""Algorithms of the same operation in the same framework, beside the fastest."""

from __future__ import annotations

from reports.data.clocks import HOST
from reports.story import Content, Section, Story
from reports.tables import algorithms


def _tell(story: Story) -> Content:
    return {
        "turns": all(block.clock.probe == HOST.probe for block in story.blocks),
        "rivals": algorithms.table(story.blocks, story.words),
    }


SECTION = Section(
    order=500,
    anchor="rivals-of-each",
    title="Algorithms",
    about="implementations of one operation, in one framework, beside the fastest",
    tell=_tell,
    html="""\
<p>Implementations of the same operation in the same framework compute the same map: here the ratio is a speed-up. Each is compared with the fastest by {{ "samples taken in turn" if turns else "the clock that judges their problem" }}; verdicts hold together for all comparisons of the same problem and pass, and can't tell where the rounds do not suffice.</p>
{% if rivals.rows %}
<details{{ " open" if rivals.rows | length <= 12 }}>
<summary>{{ rivals.records | length }} comparisons</summary>
{{ table(rivals, csv) }}
</details>
{% else %}
<p>No operation has two published implementations in one framework.</p>
{% endif %}
""",
)
