"""Bring finished runs to the team's database; `session` is the table of contents."""
