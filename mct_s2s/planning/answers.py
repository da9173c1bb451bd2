"""What an answer of the MCT API proves: a call that must be answered, and calls that must be refused."""

from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.errors import ServiceError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_sign_in import ApiAnswer
from mct_s2s.model.commands import webapp_command
from mct_s2s.planning.proof import CALL, Check, Kind

USUAL_PATH = "/api/v1/organization"
"""What is asked for where no other path is given."""


@dataclass(frozen=True)
class Asked:
    """Which address was asked, and what came of it: an answer, or the error of not reaching it."""

    url: str
    path: str
    outcome: ApiAnswer | ServiceError

    @property
    def told(self) -> str:
        """For a message."""
        if isinstance(self.outcome, ServiceError):
            return self.outcome.message
        return f"GET {self.url}{self.path} returned {self.outcome.status}."


def must_refuse(check: str, what: str, asked: Asked) -> Check:
    """A call that must be turned away."""
    answer = asked.outcome
    if isinstance(answer, ServiceError):
        return Check(None, Kind.SITE, check, None, answer.message, answer.remedy)
    if answer.is_refused:
        return Check(None, Kind.SITE, check, True, f"{what} is refused ({answer.status}).")
    if answer.is_success:
        told = f"{what} is answered {answer.status}: {asked.path} is open to anybody."
        remedy = "Choose a path that asks for a sign-in (--path); if it is one, report it to whoever operates MCT."
        return Check(None, Kind.SITE, check, False, told, remedy)
    told = f"{what} was answered {answer.status}, which says neither yes nor no."
    return Check(None, Kind.SITE, check, None, told, _remedy(answer, asked.path))


def settled(who: tuple[str, Kind], asked: Asked) -> Check | None:
    """What a client's call says by itself; `None` for the API's own 401, whose reason has to be looked for."""
    answer = asked.outcome
    if isinstance(answer, ServiceError):
        return Check(*who, CALL, None, answer.message, answer.remedy)
    if answer.is_success:
        return Check(*who, CALL, True, asked.told)
    if answer.status == 401 and not answer.challenge:
        return None
    return Check(*who, CALL, False, asked.told, _remedy(answer, asked.path))


def _remedy(answer: ApiAnswer, path: str) -> str:
    """What to do about an answer that is neither yes nor the API's own no."""
    if answer.challenge:
        return (
            "App Service Authentication stands before the API and knows nothing of these tokens: exclude the path /api "
            "there, or switch it off."
        )
    if answer.status == 403:
        return "Run it from a network that the App Service's access restrictions allow, or allow this one."
    if answer.location:
        return f"The API redirects to {answer.location}: choose another --path, or give the right host name with --url."
    if answer.status == 503:
        return "The App Service is still starting. Wait a minute, then run mct-s2s verify with the same options."
    if answer.status == 404 or (answer.status < 500 and path != USUAL_PATH):
        return f"Choose a path that the MCT API has: --path {USUAL_PATH}"
    return "Look at the App Service's own log (az webapp log tail), then run the same command again."


def stopped(site: AppService) -> Check | None:
    """A site that does not run answers nobody."""
    if not site.site.state or site.site.state.casefold() == "running":
        return None
    resource = site.site.resource
    start = webapp_command("start", resource, "--subscription", resource.subscription_id)
    told = f"The App Service is {site.site.state.lower()}: it answers nobody."
    return Check(None, Kind.SITE, "running", False, told, start)
