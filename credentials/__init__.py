"""What opens a provider's door: credentials, which of them is next, and how each rests after a refusal."""
