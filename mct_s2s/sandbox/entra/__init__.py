"""Entra ID's data and rules, without HTTP: refusals are `WireError`s, everything else is plain values.

`directory` is data only; every rule is a function that takes it as its first argument:

    seeding          objects that exist before anybody signs in
    tokens           the token service: grants, claims, signatures, refusals
    registrations    applications, their credentials and service principals
    access           app role assignments, delegated grants, directory roles, permissions
    directory        the data of one tenant, in tables (`table`) behind replicas that lag (`replication`)
    tenant           its domains, policies, and how it differs from others
    validation       a body against the type table (`types`)
"""
