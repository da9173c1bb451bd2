"""The services that a session talks to: a module of their own, as importing them takes longest of all."""

from __future__ import annotations

from mct_s2s.azure.arm.resources import ArmResources
from mct_s2s.azure.arm.session import ArmSession
from mct_s2s.azure.arm.sites import ArmSites
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.graph.directory import GraphDirectory
from mct_s2s.azure.graph.rights import GraphAccess
from mct_s2s.azure.graph.session import GraphSession
from mct_s2s.azure.sign_in.credential import CallerCredential
from mct_s2s.engine.session import Azure, Session, client_tokens
from mct_s2s.stores.vaults import KeyVaults


def open_session(connection: Connection, credential: CallerCredential) -> Session:
    """A session on one connection, with one credential; nothing is sent yet."""
    cloud, http = connection.cloud, connection.http
    graph = GraphSession(cloud, credential, http, connection.retry_policy(service="Microsoft Graph"))
    arm = ArmSession(cloud, credential, http, connection.retry_policy(service="Azure Resource Manager"))
    sites = ArmSites(arm)
    azure = Azure(
        cloud=cloud.name,
        authority_host=None if cloud.is_public else cloud.login,
        graph=cloud.graph,
        directory=GraphDirectory(graph),
        sites=sites,
        resources=ArmResources(arm, sites),
        directory_access=GraphAccess(graph, credential.signed_in),
    )
    return Session(azure, connection, client_tokens(connection), KeyVaults(connection, credential))
