"""The edges: retry policy, sign-in methods, secret files."""
