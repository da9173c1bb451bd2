"""A local Azure: enough of Entra ID, Microsoft Graph, Resource Manager, App Service and Key Vault to rehearse in.

It is reached like any other cloud, by clients nobody taught about it: HTTPS with a certificate authority of its
own, a `/metadata/endpoints` document, sign-in for signed tokens, and an MCT site that judges real calls. What it
lets pass, Azure lets pass; what it does not know, it refuses with a 501 that names the route.

Rooms, from the ground up; each knows only those above it in this list:

    clock, wire_errors, addresses       what time it is, how services say no, where each of them listens
    real_names                          the same under Azure's own host names, for clients that know no others
    directory/                          the tenant: state and rules of Entra ID, no HTTP
    resources/                          the subscription: state and rules of Resource Manager, no HTTP
    world, seed                         both together, as one file; the small company a new world holds
    login, graph, arm, vault, mct, …    routes that unpack a request, ask the rooms above, and pack the answer
    control                             `/_sandbox/*`: what no real cloud has, such as a log of every request
    pipeline                            around every request: log, faults and latency, errors in the service's own shape
    certificates, server, embedded      listening: as a process of its own, or inside another program
    environment                         what a client has to export to come here

Nothing is shared with the product that is rehearsed here, or the sandbox would share its misreadings.
Importing this package is light; the web server is loaded by `server` and `embedded` alone.
"""
