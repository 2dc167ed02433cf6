"""Proof that a password was not written down: every file of a folder is searched for it."""

import base64
import sqlite3
from pathlib import Path
from urllib.parse import quote, quote_plus


def assert_no_secret(home: Path, secret: str) -> None:
    """Fail, naming the files, when the secret stands in any file below ``home``.

    It is looked for as it is, as UTF-16, in hexadecimal, percent-encoded, as JSON escapes, and in
    base64 at each of the three offsets it can have within a longer text.
    """
    assert len(secret) >= 8, "a secret this short is found by accident"
    forms = _forms(secret)
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    guilty = {
        f"{path.relative_to(home)} ({how})"
        for path in files
        for content in (path.read_bytes(),)
        for how, form in forms.items()
        if form in content or form.lower() in content.lower()
    }
    assert not guilty, f"the secret was written to {', '.join(sorted(guilty))}"


def plant_in_database(path: Path, text: str) -> None:
    """Write a text into a new SQLite file, for the test of the search itself."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (note TEXT)")
    connection.execute("INSERT INTO notes VALUES (?)", (text,))
    connection.commit()
    connection.close()


def _forms(secret: str) -> dict[str, bytes]:
    raw = secret.encode()
    forms = {
        "plain": raw,
        "utf-16-le": secret.encode("utf-16-le"),
        "utf-16-be": secret.encode("utf-16-be"),
        "hexadecimal": raw.hex().encode(),
        "url": quote(secret, safe="").encode(),
        "url with plus": quote_plus(secret).encode(),
        "json": secret.encode("unicode_escape"),
    }
    for offset in range(3):
        # Of the characters that also encode a neighbour nothing is known: they are left out.
        encoded = base64.b64encode(b"\0" * offset + raw)
        skipped = (0, 2, 3)[offset]
        whole = (len(raw) + offset) // 3 * 4
        forms[f"base64 at {offset}"] = encoded[skipped:whole]
        forms[f"base64url at {offset}"] = encoded[skipped:whole].translate(
            bytes.maketrans(b"+/", b"-_")
        )
    return forms
