"""Authward: the protocol, the library, its plugins."""
