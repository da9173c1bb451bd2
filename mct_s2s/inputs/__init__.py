"""What the user typed, checked for form and turned into nouns. Every mistake is found before anything is sent."""
