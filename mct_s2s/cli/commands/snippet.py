from __future__ import annotations

from dataclasses import MISSING, dataclass

from mct_s2s.cli.binding import FirstWord, option
from mct_s2s.cli.options import CLIENT, AzureOptions
from mct_s2s.model.mct_api import API_PATH, Language

BODY = "snippets"
EXAMPLES = (
    "mct-s2s snippet Import -a contosolearn | sh",
    "mct-s2s snippet Import -a contosolearn -l python > caller.py",
    "mct-s2s snippet Import -a contosolearn -l app-settings",
)


@dataclass(kw_only=True)
class SnippetOptions(AzureOptions):
    first_word = FirstWord("client", "NAME", "Display name, appId, object ID or resource ID of the client.")

    client: str = option(*CLIENT, default=MISSING)
    language: Language = option("-l --language LANGUAGE", "What to print.", default=Language.CURL)
    path: str = option("--path PATH", "Path of the MCT API to GET.", default=API_PATH)
    credentials: str | None = option("--credentials PLACE", "Its credential: a file or keyvault:VAULT[/NAME].")
