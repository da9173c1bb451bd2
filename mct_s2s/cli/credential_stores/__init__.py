"""Where the credentials of clients go, and where they are found again."""
