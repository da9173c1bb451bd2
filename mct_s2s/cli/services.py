"""Build a session with all services, for `open_session` (`session.py`).

`Services` there says which of them a command talks to. This is a module of its own, as importing
them takes longest of all.
"""

from functools import cache
from typing import Any

from mct_s2s.azure.connection import Connection
from mct_s2s.azure.graph.client import GraphClient
from mct_s2s.azure.resource_manager import ResourceManager
from mct_s2s.azure.sign_in.methods import CallerCredential
from mct_s2s.azure.site_api import EntraTokens
from mct_s2s.engine.request import Session
from mct_s2s.stores.vaults import KeyVault


def build_session(connection: Connection, credential: CallerCredential, *about: Any) -> Session:
    return Session(
        connection,
        GraphClient(connection, credential),
        ResourceManager(connection, credential),
        EntraTokens(connection),
        cache(lambda name: KeyVault(name, connection, credential)),
        *about,
    )
