"""Test each client with a real token and a real API call."""
