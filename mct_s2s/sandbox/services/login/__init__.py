"""The token service, and the endpoints of managed identities."""
