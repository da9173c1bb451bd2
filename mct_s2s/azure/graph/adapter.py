"""Who sends to Graph: msgraph-sdk's request adapter where it is installed, else msgraph-core's, its
base.

Windows cannot install msgraph-sdk with its default limit of 260 characters for a path
(microsoft/kiota#6037), and nothing of it but the adapter is used here.
"""

import httpx
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.request_information import RequestInformation
from msgraph_core import BaseGraphRequestAdapter

try:
    from msgraph.graph_request_adapter import GraphRequestAdapter
except ModuleNotFoundError:

    class GraphRequestAdapter(BaseGraphRequestAdapter):  # type: ignore[no-redef, misc, unused-ignore]
        """What msgraph-sdk's adapter does with a client that it is given: nothing of its own."""

        def __init__(
            self, auth_provider: AuthenticationProvider, client: httpx.AsyncClient
        ) -> None:
            super().__init__(auth_provider, http_client=client)


class GraphAdapter(GraphRequestAdapter):  # type: ignore[misc, unused-ignore]
    """Answers no claims challenge by itself: that would send the refused token once more."""

    async def retry_cae_response_if_required(
        self, resp: httpx.Response, request_info: RequestInformation, claims: str
    ) -> httpx.Response:
        del request_info, claims
        return resp
