"""Compiled loops.

Of the simulation's own only `advance.advance_nb` is called from Python: the others are compiled
without wrappers, which takes a third off the first compilation.
"""
