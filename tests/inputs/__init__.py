"""What the user types, and which of it is refused before anything is sent."""
