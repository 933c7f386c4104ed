"""What people look at when they look at a flow: pure functions over what was recorded, with no hooks of mitmproxy."""
