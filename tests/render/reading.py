"""How a test reads a screen: by its lines, not by its sentences."""


def line_with(text: str, *facts: str) -> str:
    """The one line that holds all these facts.

    Raises:
        AssertionError: no line holds them, or more than one does.
    """
    found = [line for line in text.splitlines() if all(fact in line for fact in facts)]
    assert len(found) == 1, f"{len(found)} lines with {facts} in:\n{text}"
    return found[0]


def pasteable(text: str) -> list[str]:
    """Every line as somebody copies it: without the indentation and the arrow before a command."""
    return [line.strip().removeprefix("→").strip() for line in text.splitlines()]
