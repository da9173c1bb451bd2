"""What a response of the MCT API says: to a call that must succeed, and to calls that must be refused."""

from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.errors import ServiceError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_sign_in import ApiAnswer
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.mct_api import API_PATH
from mct_s2s.planning.reports.verification import CALL, CheckSubject, VerificationCheck

NOT_NOW = frozenset({429, 502, 503, 504})
"""What App Service's front end answers for a site that is starting, or busy: the API itself has not answered."""


@dataclass(frozen=True)
class ApiCall:
    """Which address was asked, and what came of it: an answer, or the error of not reaching it."""

    url: str
    path: str
    outcome: ApiAnswer | ServiceError

    @property
    def message(self) -> str:
        """For a message."""
        if isinstance(self.outcome, ServiceError):
            return self.outcome.message
        return f"GET {self.url}{self.path} returned {self.outcome.status}{_meaning(self.outcome.status)}."


def must_refuse(check: str, what: str, asked: ApiCall) -> VerificationCheck:
    """A call that must be turned away."""
    answer = asked.outcome
    if isinstance(answer, ServiceError):
        return VerificationCheck(None, CheckSubject.SITE, check, None, answer.message, answer.remedy)
    if answer.is_refused:
        return VerificationCheck(None, CheckSubject.SITE, check, True, f"{what} is refused ({answer.status}).")
    if answer.is_success:
        message = f"{what} returned {answer.status}: {asked.path} is public."
        remedy = (
            "Choose a path that requires authentication: --path PATH. If this one should, report it to the "
            "operator of MCT."
        )
        return VerificationCheck(None, CheckSubject.SITE, check, False, message, remedy)
    message = f"{what} returned {answer.status}{_meaning(answer.status)}."
    return VerificationCheck(None, CheckSubject.SITE, check, None, message, _remedy(answer, asked.path))


def _meaning(status: int) -> str:
    return ": the site is still starting" if status in NOT_NOW else ""


def settled(who: tuple[str, CheckSubject], asked: ApiCall) -> VerificationCheck | None:
    """What a client's call says by itself; `None` for the API's own 401, whose reason has to be looked for."""
    answer = asked.outcome
    if isinstance(answer, ServiceError):
        return VerificationCheck(*who, CALL, None, answer.message, answer.remedy)
    if answer.is_success:
        return VerificationCheck(*who, CALL, True, asked.message)
    if answer.status == 401 and not answer.challenge:
        return None
    return VerificationCheck(*who, CALL, False, asked.message, _remedy(answer, asked.path))


def _remedy(answer: ApiAnswer, path: str) -> str:
    """What to do about an answer that is neither yes nor the API's own no."""
    if answer.challenge:
        return (
            "App Service Authentication blocks the call before it reaches the API. Exclude the path /api there, "
            "or disable it."
        )
    if answer.status == 403:
        return "Run it from a network that the App Service's access restrictions allow, or allow this network."
    if answer.location:
        return f"The API redirects to {answer.location}. Choose another --path, or set the right host name with --url."
    if answer.status in NOT_NOW:
        return "Wait a minute, then run mct-s2s verify with the same options."
    if answer.status == 404 or (answer.status < 500 and path != API_PATH):
        return f"Choose a path of the MCT API: --path {API_PATH}"
    return "Check the App Service's log (az webapp log tail), then run the same command again."


def stopped(site: AppService) -> VerificationCheck | None:
    """A site that does not run answers no one."""
    if not site.site.state or site.site.state.casefold() == "running":
        return None
    resource = site.site.resource
    start = webapp_command("start", resource, "--subscription", resource.subscription_id)
    message = f"The App Service is {site.site.state.lower()}."
    return VerificationCheck(None, CheckSubject.SITE, "running", False, message, start)
