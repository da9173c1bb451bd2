"""A local Azure: enough of Entra ID, Microsoft Graph, Resource Manager, App Service and Key Vault to rehearse in.

Clients reach it like any other cloud: HTTPS with a certificate authority of its own, a `/metadata/endpoints` document,
sign-in for signed tokens, and an MCT site that checks real calls. It accepts what Azure accepts; an operation that it
does not have is answered 501.

Rooms, from top to bottom; each imports only those below it:

    hosting          listening, certificates, start and end: as a process of its own, or inside another program
    middleware       around every request: log, faults, latency, errors in the service's form
    services         graph, arm, login, key_vault, mct_site, control: unpack a request, call the rules, pack the answer;
                     page: for a browser
    observability    request log, issued tokens, secrets in wrong places, faults, options
    state            everything together, as one file; the seed
    resources        subscriptions: data and rules of Resource Manager, without HTTP
    entra            the tenant: data and rules of Entra ID, without HTTP
    core             clock, addresses, routes, options, errors in each service's form

Nothing is shared with the product, or the sandbox would share its misreadings of Azure.
The web server is loaded by `hosting.server` and `hosting.embedded` alone.
"""
