"""Panels, windows and dialogs: one a file, no logic beyond showing state and passing on what a person does."""
