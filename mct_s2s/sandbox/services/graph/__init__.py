"""Microsoft Graph over HTTP."""
