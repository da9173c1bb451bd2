"""What a service takes for markup in a Markdown text: a page without its blocks of code."""

import re

from markdown_it import MarkdownIt

_CODE = re.compile(r"<pre>.*?</pre>", re.DOTALL)


def outside_code(markdown: str) -> str:
    """The page, in which names that others have given must not be more than text."""
    page = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    )
    return _CODE.sub("", page)
