"""Market data: where bars come from. `catalog` is the door, the other modules are behind it."""
