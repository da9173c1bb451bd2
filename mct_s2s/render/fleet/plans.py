"""The plans of several sites, to be agreed to: as text, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import Action
from mct_s2s.planning.plan import Plan
from mct_s2s.render.console import Terminal, prose
from mct_s2s.render.diagnostics import print_items
from mct_s2s.render.manual_steps import Instruction
from mct_s2s.render.plan import show_plan, summary
from mct_s2s.render.plan_markdown import headline, listed, paragraphs, plan_sections, text


@dataclass(frozen=True)
class SitePlan:
    """What would be done at one site, or why that cannot be told."""

    title: str
    """What the file calls it, and the App Service."""
    plan: Plan | None = None
    about: Sequence[str] = ()
    """Where the App Service is."""
    left: Sequence[Instruction] = ()
    """What someone else has to do."""
    error: S2SError | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing has to be done, by anyone."""
        return self.plan is not None and self.plan.is_empty and not self.plan.lacks and not self.plan.blocked


def totals(sites: Sequence[SitePlan]) -> str:
    """`3 sites: 8 to create, 1 to change, 0 to remove; 1 up to date`."""
    steps = tuple(step for site in sites if site.plan is not None for step in site.plan.changes)
    blocked = tuple(step for site in sites if site.plan is not None for step in site.plan.blocked)
    unchanged, failed = sum(site.is_unchanged for site in sites), sum(site.error is not None for site in sites)
    several = f"{len(sites)} site{'s' * (len(sites) != 1)}: {summary(Plan(steps, blocked=blocked))}"
    return "; ".join(
        [several, *([f"{unchanged} up to date"] * bool(unchanged)), *([f"{failed} failed"] * bool(failed))]
    )


def removes(sites: Sequence[SitePlan]) -> bool:
    """Whether any of them would lose something."""
    return any(step.action is Action.DELETE for site in sites if site.plan for step in site.plan.changes)


def show_plans(terminal: Terminal, sites: Sequence[SitePlan], *, is_result: bool, fingerprint: str | None) -> None:
    """A block for each site, one line for those without changes, and the sum.

    Args:
        is_result: whether the plans are all that was asked for, and so go to standard output.
    """
    console = terminal.out if is_result else terminal.err
    for site in sites:
        if site.plan is not None:
            show_plan(terminal, site.plan, site.title, about=site.about, is_result=is_result)
        elif site.error is not None:
            prose(console, Text.assemble(("✗ ", "bad"), f"{site.title}: {' '.join(site.error.headline.split())}"))
            print_items(console, site.error.items)
        if not site.is_unchanged:
            console.print()
    console.print(Text(f"{totals(sites)}.", style="head"))
    if fingerprint is not None:
        console.print(Text.assemble(("Fingerprint: ", "quiet"), fingerprint))


def plans_markdown(sites: Sequence[SitePlan], fingerprint: str | None) -> Iterator[str]:
    """The lines of the document: a section for each site that changes or fails, and the names of the others."""
    yield f"# Plan for {text(sites[0].title) if len(sites) == 1 else f'{len(sites)} sites'}"
    yield from paragraphs(f"**{text(totals(sites))}**", f"Fingerprint: `{fingerprint}`" if fingerprint else "")
    unchanged = [site.title for site in sites if site.is_unchanged and not (site.plan and site.plan.remarks)]
    for site in sites:
        if site.title not in unchanged:
            yield ""
            yield f"## {text(site.title)}"
            yield from _section(site)
    if unchanged:
        yield from paragraphs(f"No changes: {text(', '.join(unchanged))}")


def _section(site: SitePlan) -> Iterator[str]:
    if site.error is not None:
        yield from paragraphs(f"**Failed:** {text(site.error.headline)} {text(site.error.answer)}".rstrip())
        yield from listed(site.error.items)
        yield from listed([(site.error.advice, site.error.command)] if site.error.remedy else [])
    elif site.plan is not None:
        yield from paragraphs(text(", ".join(site.about)), f"**{headline(site.plan)}**")
        yield from plan_sections(site.plan, site.left, "###")
