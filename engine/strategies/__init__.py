"""Strategies: the protocol, the registry, and the built-in ones, one a file."""
