"""Microsoft Graph v1.0 through msgraph-sdk: requests built by its request builders, answers read as JSON."""
