"""The simulation engine: a function from bars and configuration to a result. Imports nothing here."""
