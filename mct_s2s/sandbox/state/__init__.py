"""Everything that exists in a sandbox, as one document, and what it begins with."""
