"""What ships beside the code: demo data and the change log, read with `importlib.resources`."""
