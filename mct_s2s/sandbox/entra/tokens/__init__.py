"""The token service without HTTP: grants, claims, signatures, and its refusals."""
