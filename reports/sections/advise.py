"""Find yours: a form that asks for irreps, answered by the nearest that this run has measured."""

from __future__ import annotations

from markupsafe import Markup

from analysis.verdict import ROUNDS
from reports.data.advice import FAMILIES, NEEDS
from reports.data.losses import NO_CROSS
from reports.data.text import inside
from reports.story import Content, Section, Story
from reports.tables import advice


def _tell(story: Story) -> Content | None:
    spots = story.spots
    if not spots:
        return None
    read = story.words
    data = {
        "spots": [spot.record for spot in spots],
        "labels": {family: [*names, counted] for family, (names, counted) in FAMILIES.items()},
        "families": {spot.family: read.kind(spot.family) for spot in spots},
        "passes": {spot.pass_: read.pass_(spot.pass_) for spot in spots},
        "needs": NEEDS,
        "lacks": NO_CROSS,
        "rounds": ROUNDS,
    }
    return {"data": Markup(inside(data)), "static": advice.table(spots, story.registry)}


SECTION = Section(
    order=50,
    anchor="advise",
    title="Find yours",
    about="for these irreps: what to take, what it gives up, how sure",
    tell=_tell,
    html="""\
<p>The nearest that was measured here answers; its distance is said, and no time is scaled to another shape. <code>python -m reports advise --help</code> asks the same of all runs, and measures what is asked.</p>
<script type="application/json" id="advise-data">{{ data }}</script>
<div id="advise-app" hidden></div>
<noscript><p>The form needs JavaScript, which is off; this table does not.</p></noscript>
<details>
<summary>All that was timed, without the form</summary>
{{ table(static, csv) }}
</details>
""",
)
