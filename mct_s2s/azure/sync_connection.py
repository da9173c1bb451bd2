"""The connection of a person's sign-in, which azure-identity knows with `requests` only; its terms: `connection`."""

from __future__ import annotations

from ssl import SSLContext
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from mct_s2s.azure.answer_limits import OddAnswer, check_length, check_size

PIECE = 64 * 1024
"""Bytes that are read at once, before the size is checked again."""


class OddContent(OddAnswer, requests.exceptions.ContentDecodingError):
    """An odd answer as an error of requests', which azure-core translates into its own."""


class _Session(requests.Session):
    """Takes proxies from the environment, nothing from `~/.netrc`, and no answer beyond what one may be."""

    def __init__(self, tls: SSLContext) -> None:
        super().__init__()
        self.auth = _as_it_is  # any authentication at all keeps requests from looking into ~/.netrc
        self.mount("https://", _TlsAdapter(tls))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request and read its whole answer.

        Raises:
            OddContent: the answer is larger than one may be.
        """
        response = super().send(request, **{**options, "stream": True, "verify": True})
        body = bytearray()
        try:
            check_length(response.headers.get("content-length"))
            for piece in response.iter_content(PIECE):
                body += piece
                check_size(len(body))
        except OddAnswer as odd:
            raise OddContent(str(odd)) from odd
        finally:
            response.close()
        response._content = bytes(body)  # noqa: SLF001  # what `response.content` is read from
        return response


class _TlsAdapter(HTTPAdapter):
    """Trusts whom the context trusts, and no one else: requests would add certifi's authorities to it."""

    def __init__(self, tls: SSLContext) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Connections without a proxy."""
        super().init_poolmanager(*sizes, **options, ssl_context=self._tls)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Connections through a proxy."""
        return super().proxy_manager_for(proxy, **options, ssl_context=self._tls)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing beside the context, which verifies always."""


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def transport(tls: SSLContext) -> RequestsTransport:
    """For one credential."""
    return RequestsTransport(session=_Session(tls))
