"""The sandbox judges as Azure does."""
