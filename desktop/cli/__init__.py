"""The command line: one module a command, no Qt anywhere.

`desktop.cli.app` is the door; it imports what the help needs and nothing more. A command imports
the engine and the database when it runs, so that ``--help`` answers at once.
"""
