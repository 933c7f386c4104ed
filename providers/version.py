"""The version, where everybody can read it: also a folder that was never installed, as the scripts run it."""

VERSION = "0.1.0"
