"""Claims of papers: the verdict on each, computed from rows."""

from __future__ import annotations

from analysis.claims import KINDS
from reports.data import ledger
from reports.data.text import count
from reports.story import Content, Section, Story
from reports.tables import claims


def _tell(story: Story) -> Content:
    counted = ledger.counts(story.ledger)
    return {
        "counts": [(counted.get(kind, 0), kind) for kind in KINDS],
        "total": count(len(story.ledger), "claim"),
        "ledger": claims.table(story.ledger, story.references),
    }


SECTION = Section(
    order=200,
    anchor="claims",
    title="Claims of papers",
    about="what papers say, and whether it holds by these rows",
    tell=_tell,
    html="""\
<p>Of {{ total }}: {% for n, kind in counts %}<strong>{{ n }}</strong> {{ kind }}{{ ", " if not loop.last }}{% endfor %}. Judged by the rows of this run, and by runs that the suite keeps for counts, dimensions and symmetries; a time is named with its machine. <code>python -m reports claims --measure</code> measures what is not decided.</p>
{{ table(ledger, csv) }}
""",
)
