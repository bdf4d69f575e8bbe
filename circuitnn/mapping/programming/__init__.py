"""Programming of tiles with real device cells: write and verify through the array, drift, and re-calibration.

``plan.py`` says how (pulse trains, verification, bias scheme), ``write_verify.py`` does it, through one of two engines:
``exact.py`` solves the whole array at every step of every pulse, ``fast.py`` integrates cells one by one behind what
their lines let through. ``report.py`` says what came of it, ``drift.py`` what time does to it.
"""
