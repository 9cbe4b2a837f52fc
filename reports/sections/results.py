"""Results: at a glance, and a table for each problem and pass."""

from __future__ import annotations

from itertools import groupby

from reports.story import Content, Section, Story
from reports.tables import headline, overview


def _tell(story: Story) -> Content:
    peaks, read = story.run.peaks, story.words
    return {
        "overview": overview.table(story.blocks, story.can, story.known, story.words),
        "headlines": [
            (title, [headline.table(block, story.can, story.known, peaks, read) for block in group])
            for title, group in groupby(story.blocks, lambda b: read.problem(b.results[0]))
        ],
    }


SECTION = Section(
    order=400,
    anchor="results",
    title="Results",
    about="every problem and pass: time, memory, expressivity, whether it is right",
    printed=True,
    tell=_tell,
    html="""\
<p>How to read the tables: <strong>dim</strong> and <strong>span</strong> say what an operation can express, measured, with the derived value in brackets; – means not measured. Beside errors, ✓ passed the gate and ✗ did not. A symmetry error in (brackets) is of a symmetry that the operation does not claim: it is reported and gates nothing. A case that is wrong, or failed, has no time.</p>
{{ h3("At a glance") }}
{{ table(overview, csv) }}
{% if headlines | length > 20 %}<details class="problem">
<summary>{{ headlines | length }} problems, a table each</summary>
{% endif %}
{% for title, group in headlines %}
{% call folding(title) %}
{% for t in group %}
{{ table(t, csv, "headline") }}
{% endfor %}
{% endcall %}
{% endfor %}
{{ "</details>" | safe if headlines | length > 20 }}
""",
)
