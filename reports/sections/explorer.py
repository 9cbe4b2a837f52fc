"""Explorer: every case, to filter, to sort, to plot and to copy."""

from __future__ import annotations

from markupsafe import Markup

from reports.data.clocks import names
from reports.data.libraries import libraries
from reports.data.records import fields
from reports.story import Content, Section, Story
from reports.tables import cases

PARQUET = f"tables/{cases.NAME}.parquet"


def _tell(story: Story) -> Content | None:
    results = story.results
    if not results:
        return None
    found = fields(results, story.can, story.known, story.run.machines, story.words)
    keep, data = cases.embedded(found, results, story.run)
    static = cases.table(found, results, keep, story.words)
    story.files[PARQUET] = cases.to_parquet(static.records)
    story.scripts = [library.text for library in libraries()]
    return {
        "static": static,
        "parquet": PARQUET,
        "total": len(results),
        "clocks": names(r.clock for r in results),
        "left_out": len(results) - len(keep),
        "libraries": libraries(),
        "data": Markup(data),
    }


SECTION = Section(
    order=450,
    anchor="explorer",
    title="Explorer",
    about="every case: filter, sort, plot, copy",
    tell=_tell,
    html="""\
<p>One line is one case: an implementation, asked one problem, in one pass. {% if left_out %}{{ total - left_out }} of {{ total }} cases are in this page, those with a time first; {{ left_out }} are left out here and stand{% else %}All {{ total }} cases are here, and{% endif %} in <a href="{{ csv[static.name] }}">CSV</a> and <a href="{{ parquet }}">Parquet</a> at full precision. Time is {{ clocks }} of one call; a number is rounded to four digits here.</p>
<script type="application/json" id="explorer-data">{{ data }}</script>
<div id="explorer-app" hidden></div>
<noscript><p>Filters and plots need JavaScript, which is off; this table does not.</p></noscript>
<details id="explorer-static">
<summary>Table without filters</summary>
{{ table(static, csv) }}
</details>
<details class="small-print">
<summary>Libraries in this page: {% for library in libraries %}{{ library.name }} {{ library.version }}{{ ", " if not loop.last }}{% endfor %}</summary>
{% for library in libraries %}
<p>{{ library.name }} {{ library.version }} (npm package {{ library.package }}, {{ library.path }}, unmodified; {{ library.licence }}):</p>
{% for text in library.licence_texts %}
<pre>{{ text }}</pre>
{% endfor %}
{% endfor %}
</details>
""",
)
