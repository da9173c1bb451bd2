"""Application registrations, their credentials, and service principals."""
