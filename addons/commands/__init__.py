"""What a person can have done from inside mitmproxy: commands, by subject."""
