"""How to cite the suite and this run."""

from __future__ import annotations

from reports.data import bibliography
from reports.story import Content, Section, Story


def _tell(story: Story) -> Content:
    run = story.run
    rows = bibliography.of_rows(run.directory.resolve().name, run.sha256, run.machine, run.year)
    return {"suite": story.references[bibliography.SUITE], "run": run, "rows": rows}


SECTION = Section(
    order=1300,
    anchor="cite",
    title="How to cite",
    about="this suite, this run, and what it compares",
    printed=True,
    tell=_tell,
    html="""\
<p>{{ suite.fields.author }}. <cite>{{ suite.fields.title }}</cite>. Version {{ suite.fields.version }}, {{ suite.fields.year }}. Rows SHA-256 <code>{{ run.sha256 }}</code>.</p>
<pre><code>{{ suite.source }}

{{ rows.source }}</code></pre>
<p>Cite the operations that you compare as well: all entries are in <a href="methods.bib">methods.bib</a>. One comparison of this run, with its table in LaTeX, figure and methods sentence: <code>python -m reports cite DIR --pair A B</code>.</p>
""",
)
