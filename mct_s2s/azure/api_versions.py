"""Api-versions: of each service the oldest that knows what is asked for, as clouds learn new ones months apart.

Where each was looked up: docs/azure-contract.md, section 4.9.
"""

WEB = "2023-12-01"
"""Microsoft.Web: the first one that knows Flex Consumption plans, on which callers' function apps may be."""
SUBSCRIPTIONS = "2020-01-01"
RESOURCES = "2021-04-01"
AUTHORIZATION = "2022-04-01"
LOCKS = "2016-09-01"
VAULT_SECRETS = "7.4"
"""Key Vault's data plane."""
