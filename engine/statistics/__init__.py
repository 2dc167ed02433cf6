"""What a result says beyond its metrics: tables by side, symbol and period, falls, rolling figures.

Each module holds pure functions of a result or of its arrays. What does not exist is left out or
None, with the reason in words; nothing here is NaN or infinite.
"""
