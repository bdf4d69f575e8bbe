"""The face of csrc/cn_synapse.h: matrices of devices, and the pulses that move them."""

from libc.stdint cimport uint64_t

import numpy as np

cdef extern from "cn_types.h":
    ctypedef int cn_idx
    ctypedef enum cn_status:
        CN_OK

cdef extern from "cn_synapse.h":
    ctypedef enum cn_pulse_way:
        CN_PULSES_STOCHASTIC
        CN_PULSES_DETERMINISTIC
        CN_PULSES_SIGN
    ctypedef struct cn_devices:
        float *state
        const float *up
        const float *down
        const float *low
        const float *high
        int own
        float slope_up, slope_down
        int about_zero
        const float *table
        const float *half
        const float *energy
        cn_idx nodes
        float noise
        int falls, only_up
    ctypedef struct cn_synapse:
        cn_idx rows, cols, n_devices
        cn_devices device[2]
        float *weight
        const float *rest
        cn_pulse_way way
        int slots, manage, partial
        float step
        uint64_t seed, count
        float *seen
        cn_idx seen_samples
        int threads
        double steps[2]
        double charge[2]
        double half_steps, slots_used, row_pulses, column_pulses, clipped
    cn_status cn_synapse_init(cn_synapse *s)
    void cn_synapse_free(cn_synapse *s)
    void cn_synapse_update(cn_synapse *s, const float *x, const float *d, cn_idx samples) nogil
    void cn_synapse_change(cn_synapse *s, const float *change) nogil

WAYS = {"stochastic": CN_PULSES_STOCHASTIC, "deterministic": CN_PULSES_DETERMINISTIC, "sign": CN_PULSES_SIGN}


cdef class Pulses:
    """Devices of a matrix of weights under pulses.

    Parameters
    ----------
    devices : list of dict
        One or two a weight: ``state`` float32 (rows, cols), which pulses write to; ``up``, ``down``, ``low``, ``high``
        float32 (rows, cols) or (1, 1), units of weight; ``slopes`` (2,), up and down; ``table``; ``noise``; ``falls``
        and ``only_up``. There may be ``about_zero``, ``half`` and ``energy``; tables are float32 (2, nodes) or None.
    weight : ndarray float32 (rows, cols) or None
        Written to: state of the first less that of the second or less ``rest``. None: the state is the weight.
    rest : ndarray float32 (rows, cols) or None
    way : str
        ``"stochastic"``, ``"deterministic"`` or ``"sign"``.
    slots : int
        Of a train, 1 to 32.
    manage, partial : bool
        Shorten trains to what the largest change needs; let a last step be a part of one.
    step : float
        Change of a weight that a step stands for.
    seed : int
        Below 2^64.
    threads : int
    """

    cdef cn_synapse s
    cdef list kept
    cdef readonly object seen

    def __cinit__(self, list devices, weight, rest, str way, int slots, bint manage, bint partial, float step, seed,
                  int threads):
        cdef float[:, ::1] out
        cdef const float[:, ::1] line
        cdef cn_devices *to
        cdef int k
        rows, cols = devices[0]["state"].shape
        self.kept = [devices, weight, rest]
        self.s.rows, self.s.cols, self.s.n_devices = rows, cols, len(devices)
        for k, device in enumerate(devices):
            to = &self.s.device[k]
            shapes = {device[name].shape for name in ("up", "down", "low", "high")}
            if device["state"].shape != (rows, cols) or len(shapes) != 1 or shapes.pop() not in ((1, 1), (rows, cols)):
                raise ValueError("arrays of devices have other shapes")
            out = device["state"]; to.state = &out[0, 0]
            line = device["up"]; to.up = &line[0, 0]
            line = device["down"]; to.down = &line[0, 0]
            line = device["low"]; to.low = &line[0, 0]
            line = device["high"]; to.high = &line[0, 0]
            to.own = device["up"].shape == (rows, cols)
            to.slope_up, to.slope_down = device["slopes"]
            to.about_zero = device.get("about_zero", False)
            tables = [device[name] for name in ("table", "half", "energy") if device.get(name) is not None]
            if tables:
                to.nodes = tables[0].shape[1]
                if to.nodes < 2 or any(table.shape != (2, to.nodes) for table in tables):
                    raise ValueError("tables have two rows of the same two nodes or more")
            if device["table"] is not None:
                line = device["table"]; to.table = &line[0, 0]
            if device.get("half") is not None:
                line = device["half"]; to.half = &line[0, 0]
            if device.get("energy") is not None:
                line = device["energy"]; to.energy = &line[0, 0]
            to.noise, to.falls, to.only_up = device["noise"], device["falls"], device["only_up"]
        if weight is not None:
            if weight.shape != (rows, cols) or (rest is None and len(devices) == 1):
                raise ValueError("weights have another shape")
            out = weight; self.s.weight = &out[0, 0]
        if rest is not None:
            if rest.shape != (rows, cols):
                raise ValueError("the rest has another shape")
            line = rest; self.s.rest = &line[0, 0]
        self.s.way, self.s.slots, self.s.manage, self.s.partial = WAYS[way], slots, manage, partial
        self.s.step, self.s.seed, self.s.threads = step, seed, threads
        self.seen = None
        if all(device.get("half") is not None for device in devices):
            self.seen = np.zeros((2, rows + cols), np.float32)
            out = self.seen; self.s.seen = &out[0, 0]
        if cn_synapse_init(&self.s) != CN_OK:
            raise MemoryError

    def __dealloc__(self):
        cn_synapse_free(&self.s)

    def update(self, const float[:, ::1] x, const float[:, ::1] d):
        """Apply pulses for samples x (samples, rows), d (samples, cols), one after the other."""
        cdef cn_idx samples = x.shape[0]
        if x.shape[1] != self.s.rows or d.shape[0] != samples or d.shape[1] != self.s.cols:
            raise ValueError("samples have other shapes")
        if samples:
            with nogil:
                cn_synapse_update(&self.s, &x[0, 0], &d[0, 0], samples)

    def change(self, const float[:, ::1] change):
        """Apply steps to each weight by itself, change (rows, cols)."""
        if change.shape[0] != self.s.rows or change.shape[1] != self.s.cols:
            raise ValueError("changes have another shape")
        with nogil:
            cn_synapse_change(&self.s, &change[0, 0])

    @property
    def count(self):
        """Samples and changes so far, on which random numbers depend."""
        return self.s.count

    @count.setter
    def count(self, uint64_t value):
        self.s.count = value

    @property
    def seen_samples(self):
        """Samples whose half-selected pulses, which ``seen`` (2, rows + cols) counts, have not moved devices yet."""
        return self.s.seen_samples

    @seen_samples.setter
    def seen_samples(self, int value):
        self.s.seen_samples = value

    def taken(self):
        """Return what was done since the last call: steps, states before or energies, half-selected, slots, clipped.

        Steps and the sums over them of states or energies are tuples, of each of the devices.
        """
        cdef int k
        n = self.s.n_devices
        found = (
            tuple(self.s.steps[k] for k in range(n)), tuple(self.s.charge[k] for k in range(n)), self.s.half_steps,
            self.s.slots_used, self.s.clipped,
        )
        for k in range(n):
            self.s.steps[k] = self.s.charge[k] = 0.0
        self.s.half_steps = self.s.slots_used = self.s.clipped = self.s.row_pulses = self.s.column_pulses = 0.0
        return found
