"""Makes the figures of docs/spintronic_systems.md; the vowels need the data folder (CIRCUITNN_DATA)."""

from pathlib import Path

from circuitnn.demos.reservoir import run_reservoir
from circuitnn.demos.vowels import run_vowels

here = Path(__file__).resolve().parent
run_vowels(here)
run_reservoir(here)
