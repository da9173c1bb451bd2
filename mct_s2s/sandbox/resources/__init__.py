"""Resource Manager's data and rules, without HTTP: refusals are `WireError`s, everything else is plain values.

generic            reading and writing any resource
identities, site_rules, vault_references, operations    the rules of one aspect each
store              the data: subscriptions, groups, resources, and the state of sites and vaults
providers          types of resources, their api-versions, and how each behaves
role_assignments, locks, throttle, vault_access         who may do what, and how often
"""
