"""A local Azure: enough of Entra ID, Microsoft Graph, Resource Manager, App Service and Key Vault
to rehearse in.

Clients reach it like any other cloud: HTTPS with a certificate authority of its own, a
`/metadata/endpoints` document, sign-in for signed tokens, and an MCT site that checks real calls.
It accepts what Azure accepts; an operation that it does not have is answered 501.

Its packages, from top to bottom: docs/architecture.md, "The sandbox".
Nothing is shared with the product, or the sandbox would share its misreadings of Azure.
The web server is loaded by `hosting.server` and `hosting.embedded` alone.
"""
