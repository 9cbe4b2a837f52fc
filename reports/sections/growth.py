"""Growth and crossovers: exponents, and who overtakes whom."""

from __future__ import annotations

from reports.story import Content, Section, Story
from reports.tables import growth


def _tell(story: Story) -> Content:
    return {
        "exponents": growth.exponents(story.blocks, story.registry),
        "overtakings": growth.overtakings(story.blocks, story.registry),
    }


SECTION = Section(
    order=800,
    anchor="growth",
    title="Growth and crossovers",
    about="exponents of time and memory, and who overtakes whom",
    tell=_tell,
    html="""\
<p>Exponents of time and of peak memory (its source is named) are fitted where they have settled, with an interval; beside them stand those of the arithmetic that the operation needs, and what theory says of the arithmetic of the algorithm for 0..L ⊗ 0..L → 0..2L. At small sizes fixed costs count, and a time grows more slowly than its arithmetic.</p>
{% if exponents.rows %}
{{ table(exponents, csv) }}
{% else %}
<p>No implementation has published times at three sizes.</p>
{% endif %}
{% if overtakings.rows %}
{{ table(overtakings, csv) }}
{% else %}
<p>No implementation overtakes another of its framework beyond both intervals.</p>
{% endif %}
""",
)
