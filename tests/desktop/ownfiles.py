"""Strategy files for tests, said in as few lines as matter."""

from pathlib import Path

from storage.strategies import hash_of
from storage.trust import Trust

HEAD = """
import os, signal, subprocess, sys, time
from typing import ClassVar
import numpy as np
import pandas as pd
from pydantic import Field
from engine.strategies.protocol import Parameters, Signals, SignalStrategy, TargetStrategy

def moving(values, bars):
    return pd.DataFrame(values).rolling(bars).mean().to_numpy()
"""
SIGNALS = """
class OwnParameters(Parameters):
    bars: int = Field(10, ge=2, le=100, title="Bars", description="Closes in the average")

class Own(SignalStrategy):
    name: ClassVar[str] = "own"
    title: ClassVar[str] = "Own"
    summary: ClassVar[str] = "A test."
    Params: ClassVar[type[Parameters]] = OwnParameters

    def warmup_bars(self):
        return self.params.bars

    def signals(self, panel):
{body}
"""
HONEST = """
        average = moving(panel.close, self.params.bars)
        return Signals(enter_long=panel.close > average, exit_long=panel.close < average)
"""


def signals_file(folder: Path, body: str = HONEST, head: str = "", name: str = "own.py") -> Path:
    """Write a strategy whose ``signals`` has this body, and agree to it."""
    lines = "\n".join(f"        {line}" for line in body.strip("\n").splitlines())
    dedented = lines if not body.startswith("\n        ") else body.strip("\n")
    return trusted(folder / name, HEAD + head + SIGNALS.format(body=dedented))


def trusted(path: Path, text: str) -> Path:
    """Write a file and agree to it."""
    path.write_text(text, encoding="utf-8")
    Trust().add(hash_of(path))
    return path


ON_BAR = """
from typing import ClassVar
import numpy as np
from numba import njit
from engine.strategies.protocol import OnBarStrategy, Parameters

class OwnParameters(Parameters):
    most: int = 3

class Own(OnBarStrategy):
    name: ClassVar[str] = "own"
    title: ClassVar[str] = "Own"
    summary: ClassVar[str] = "A test."
    Params: ClassVar[type[Parameters]] = OwnParameters
    State: ClassVar[dict[str, type]] = {{"n": int}}
    labels: ClassVar[tuple[str, ...]] = ("dip",)

    def inputs(self, panel):
        return {inputs}

    @staticmethod
    def on_bar(ctx, state, params):
        for symbol in range(ctx.n_symbols):
{body}
"""
DIPS = """
            if ctx.waiting(symbol) == 0 and ctx.close(symbol) < ctx.close(symbol, 1):
                if state[symbol].n < params.most:
                    ctx.buy(symbol, percent=10, stop_loss_rate=0.05, take_profit_rate=0.05, label=0)
                    state[symbol].n += 1
            elif ctx.position(symbol) == 0.0:
                state[symbol].n = 0
"""


def on_bar_file(folder: Path, body: str = DIPS, inputs: str = "{}", name: str = "own.py") -> Path:
    """Write a strategy whose ``on_bar`` does this for every symbol, and agree to it."""
    dedented = body.strip("\n")
    if not dedented.startswith(" " * 12):
        dedented = "\n".join(" " * 12 + line for line in dedented.splitlines())
    return trusted(folder / name, ON_BAR.format(body=dedented, inputs=inputs))
