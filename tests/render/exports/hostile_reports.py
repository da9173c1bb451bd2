"""Reports in which every text that others choose is hostile, for each format in its own way."""

import functools
from dataclasses import replace

from mct_s2s.errors import S2SError
from mct_s2s.planning.reports.findings import Finding
from mct_s2s.planning.reports.status import StatusReport

from tests.render.examples import LONG_NAME, ODD_NAMES
from tests.render.hostile import STEERING, observed
from tests.render.reports import several, status_of

FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", '=HYPERLINK("http://evil.example")', "\uff1d1", "\u2003@x",
    "x;=cmd|' /C calc'!A0", "x; -1", 'x;"=1', "x,@x", "x|+1", "x\t=1",
)  # fmt: skip
MARKDOWN = (
    "a|b", "a\\|b", "`code`", "``a`` `b`",
    "[x](https://evil.example)", "![x](https://evil.example/x.png)", "<script>",
    "<!-- -->", "https://evil.example", "www.evil.example", "*a* _b_ ~~c~~", "# a", "\\", "&lt;", "$x$", "a`",
    "|", "```",
    "a | --- | b", "javascript:alert(1)", "trailing\\",
)  # fmt: skip
ICS = ("a;b,c\\d", "x\r\nEND:VEVENT", "x\\nATTACH:https://evil.example", ":", "ä" * 80, "日本語" * 40, "🚀" * 30)

COMMON = (*STEERING.values(), "<[x](https://evil.example)>`|;,", ODD_NAMES[-2], LONG_NAME)
"""What every format has to stand."""
USUAL = "Harmless"


@functools.cache
def report(name: str) -> StatusReport:
    """Everything is called so: tenant, site's state, clients, credentials, findings, errors."""
    found = several()
    site = status_of(observed(name))
    finding = Finding("x", name, f"'{name}' is wrong.", f"mct-s2s add-client '{name}'")
    site = replace(site, findings=(*site.findings, finding))
    failed = replace(found.failed[0], error=S2SError("x", name, remedy=name, command=name))
    return replace(found, sites=(site, *found.sites), failed=(failed,))
