"""What a command prints as `Next`: commands that its reader can run."""

from collections.abc import Sequence

from mct_s2s.cli.binding import option_words
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.site_report import manual_steps
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import Instruction
from mct_s2s.model.client_credentials import GITHUB, Federation
from mct_s2s.model.client_sign_in import Language
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Removal, SettingsScope, Setup
from mct_s2s.model.secret_place import PlaceKind
from mct_s2s.planning.api_address import api_url
from mct_s2s.render.site_report import ClientResult, SavedCredential
from mct_s2s.stores.files import FileStore

ANY_HOST, ANY_FILE = "https://HOST_OF_THE_SITE", "FILE"
"""What the reader knows, and this run does not."""


def next_commands(
    outcome: Outcome, options: AzureOptions, clients: Sequence[ClientResult]
) -> list[str]:
    """The commands that come next; `clients`: those that the run was about."""
    desired, before = outcome.request.desired, outcome.before
    # Nothing is left to look at where everything is removed.
    if isinstance(desired, Removal) and desired.everything and not outcome.plan.left_alone:
        return []
    if _is_half(outcome):
        files = _secret_files(outcome, clients)
        return _testing(outcome, options, files[0]) if files else []
    return [before.command("status")]


def testing_by_others(
    outcome: Outcome, options: AzureOptions, clients: Sequence[ClientResult]
) -> list[Instruction]:
    """The test after one half of a setup, where this run knows of no client's file."""
    if not _is_half(outcome) or _secret_files(outcome, clients):
        return []
    what = "To test it, send this to whoever has a client's secret file, which is FILE:"
    return [Instruction(what, each) for each in _testing(outcome, options, ANY_FILE)]


def _is_half(outcome: Outcome) -> bool:
    """Whether only the directory or only the App Service was read: `status` takes both.

    Whoever does the directory's part may not read the App Service, and the other way round.
    """
    desired, before = outcome.request.desired, outcome.before
    is_directory_read = desired.service is not None or before.tenant is not None
    return before.app_service is None or not is_directory_read


def _secret_files(outcome: Outcome, clients: Sequence[ClientResult]) -> list[str]:
    return [file for client in clients if (file := _secret_file(outcome, client.name))]


def _testing(outcome: Outcome, options: AzureOptions, file: str) -> list[str]:
    """The test that takes a client's secret file, and no right to read anything.

    None where the API's URI is not known, or the App Service was switched off.
    """
    desired, after = outcome.request.desired, outcome.after
    if isinstance(desired, Setup) and desired.settings is SettingsScope.OFF:
        return []
    left_to_others = [step.values for step in manual_steps(outcome) if step.values]
    settings = left_to_others[0] if left_to_others else after.settings
    audience = after.api.service_in(settings)
    if not audience:
        return []
    words = ["--audience", audience, "--url", api_url(after) or ANY_HOST, "--credentials", file]
    same_api = {"api": options.api, "cloud": options.cloud}
    return [own_command("verify", *words, *option_words(AzureOptions, same_api))]


def snippet_command(outcome: Outcome, clients: Sequence[ClientResult]) -> list[str]:
    """The `snippet` of the first client whose secret is where a program can read it."""
    if outcome.before.app_service is None:
        return []
    # The program of a client whose secret is elsewhere would have no file to read.
    elsewhere = {
        client.name
        for client in clients
        if client.is_secret_elsewhere or _is_given_away(client.credential)
    }
    names = [*outcome.request.desired.names, *(client.name for client in clients)]
    ready = [name for name in names if outcome.plan.client_name(name) not in elsewhere]
    if not clients or not ready:
        return []
    file = _secret_file(outcome, ready[0], but_default=True)
    words = ["--credentials", file] if file else []
    if _signs_in_by_github(outcome, ready[0]):
        words = ["--language", Language.GITHUB_ACTIONS]
    return [outcome.before.command("snippet", *words, about=ready[0])]


def _is_given_away(credential: SavedCredential | None) -> bool:
    """Whether it was shown once, or given to a program: nothing here can read it."""
    place = credential.saved_to if credential is not None else None
    return place is not None and place.kind in {PlaceKind.SHOWN, PlaceKind.PROGRAM}


def _signs_in_by_github(outcome: Outcome, client: str) -> bool:
    desired = outcome.request.desired
    specs = desired.clients if isinstance(desired, Setup) else ()
    credentials = [spec.credential for spec in specs if spec.name == client]
    return any(isinstance(each, Federation) and each.issuer == GITHUB for each in credentials)


def _secret_file(outcome: Outcome, client: str, *, but_default: bool = False) -> str:
    """The file of a client's secret; empty where it is kept elsewhere.

    `but_default`: `snippet` looks into the default files by itself.
    """
    store = outcome.stores.get(client)
    if not isinstance(store, FileStore) or (but_default and store.is_default_place):
        return ""
    return str(store.dotenv)
