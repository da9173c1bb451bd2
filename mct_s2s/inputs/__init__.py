"""What the user typed, checked for form before anything is sent."""
