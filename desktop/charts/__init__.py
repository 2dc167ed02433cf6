"""Charts of prices and accounts: numpy thins the data to the pixels, Qt paints what is left."""
