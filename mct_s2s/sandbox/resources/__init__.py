"""Resource Manager's data and rules, without HTTP: refusals are `WireError`s, everything else is plain values.

generic            reading and writing any resource, now or by an operation
identities, vault_references     the rules of one aspect each
store              the data: subscriptions, groups, resources, and the state of sites and vaults
providers          types of resources, their api-versions, and how each behaves
role_assignments   who may do what
"""
