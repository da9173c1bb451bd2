"""Where credentials are kept: what is written there is what is read there."""
