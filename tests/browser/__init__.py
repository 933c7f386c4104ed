"""The inspector as a person sees it: real mitmweb, in a real browser."""
