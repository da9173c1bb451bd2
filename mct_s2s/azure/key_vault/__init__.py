"""Key Vault: secrets by name, and what its refusals mean."""
