"""Everything that exists in a sandbox, as one document, and its seed."""
