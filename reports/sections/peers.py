"""Beside other packages: whether what is fastest here is as fast as what others have."""

from __future__ import annotations

from reports.story import Content, Section, Story
from reports.tables import peers


def _tell(story: Story) -> Content | None:
    found = peers.table(story.blocks, story.run.peaks, story.registry, story.words)
    return {"peers": found} if found.rows else None


SECTION = Section(
    order=480,
    anchor="peers",
    title="Beside other packages",
    about="the fastest of the suite's own implementations beside those of other packages",
    tell=_tell,
    html="""\
<p>Where an operation here is slower than that of a package that others use, a comparison of operations is no comparison. All verdicts are those of one table, of all pairs that the fastest was chosen from.</p>
{{ table(peers, csv) }}
""",
)
