"""What lasts: the local database of runs, market data, strategy files, and where all of it lies."""
