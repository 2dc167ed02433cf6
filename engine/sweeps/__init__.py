"""Parameter sweeps: one strategy with every combination of some of its parameters.

`spec` is what a file says, `constraints` and `grid` which combinations that makes, `job` how each of
them is simulated (`crosses` and `signals` by the lean kernels, `general` by the loop that runs
everything), `run` the threads that go through the grid.
"""
