"""How to cite the suite and this run."""

from __future__ import annotations

from reports.data import bibliography
from reports.story import Content, Section, Story


def _tell(story: Story) -> Content:
    return {"suite": story.references[bibliography.SUITE], "run": story.run}


SECTION = Section(
    order=1300,
    anchor="cite",
    title="How to cite",
    about="this suite, this run, and what it compares",
    printed=True,
    tell=_tell,
    html="""\
<p>{{ suite.fields.author }}. <cite>{{ suite.fields.title }}</cite>. Version {{ suite.fields.version }}, {{ suite.fields.year }}. Rows SHA-256 <code>{{ run.sha256[:16] }}</code>.</p>
<pre><code>{{ suite.source }}</code></pre>
<p>Cite the operations that you compare as well: all entries are in <a href="methods.bib">methods.bib</a>.</p>
""",
)
