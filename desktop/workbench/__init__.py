"""The window's composition: what is built, and an area a module for what is connected to what."""
