"""Marks texts for translation where they are declared, long before a person reads them."""


def QT_TRANSLATE_NOOP(_context: str, text: str) -> str:  # noqa: N802  the name that lupdate looks for
    """Return the text as it is; whoever shows it translates it in this context.

    Qt for Python's own function of this name does the same and is typed as returning any object.
    """
    return text
