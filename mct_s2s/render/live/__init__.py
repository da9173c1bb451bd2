"""What is shown while a command runs: lines that stay, an area for what is at work, one line a step in a log."""
