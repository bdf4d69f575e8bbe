"""Makes the figure of docs/memories.md: levels and drift of phase change memory."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import circuitnn as cn

NETLISTS = Path(__file__).resolve().parents[2] / "netlists" / "memristors"

figure, (levels, drift) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
tran = cn.load(NETLISTS / "pcm_levels.cir").run().tran
after = np.interp(200e-9 + 300e-9 * np.arange(21) - 1e-9, tran.time, tran["@n1[x]"])
levels.semilogy(1e6 / (10e3 * 201.0**after), "o-")  # rc (1 + ra/rc)^x: low voltage, glass that is fresh
levels.set(xlabel="SET pulses of 1.4 V, 50 ns", ylabel="conductance (uS)")
deck = (NETLISTS / "pcm_drift.cir").read_text(encoding="utf-8")
for nu in ("0.05", "0.1", "0.11"):
    tran = cn.parse(deck.replace("nu=0.1", f"nu={nu}")).run().tran
    late = tran.time > 1e-5
    drift.loglog(tran.time[late], 1e-6 * tran["v(a)"][late] / -tran["i(v1)"][late], label=f"nu = {nu}")
drift.set(xlabel="time (s)", ylabel="resistance (Mohm)")
drift.legend()
figure.savefig(Path(__file__).with_name("memories.png"), dpi=110)
