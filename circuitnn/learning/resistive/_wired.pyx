"""The face of the kernels for crossbars with wires whose ends are at known voltages."""

import numpy as np


cdef extern from "cn_types.h":
    ctypedef int cn_idx

cdef extern from "cn_wired.h":
    enum:
        CN_WIRED
    ctypedef struct cn_wired:
        cn_idx m, n, tile
        double r_word, r_bit
        const double *g
        double *k_word
        double *k_bit
        double *y_word
        double *y_bit
    void cn_wired_factor(cn_wired *w, double *scratch) nogil
    void cn_wired_round(const cn_wired *w, const double *p, const double *q, double *v, int first, double *out,
                        double *into, double *work) nogil
    void cn_wired_products(const cn_wired *w, const double *p, const double *v, const double *p2, const double *v2,
                           double *sum, double *work) nogil
    void cn_wired_shares(const cn_wired *w, double *share) nogil
    void cn_wired_across(const cn_wired *w, const double *x, const double *q, double *across, double *work) nogil
    void cn_wired_nodes(cn_idx rows, cn_idx n, const double *own, const double *low, const double *high, int pairs,
                        double saturation, double thermal, double *v) nogil

LANES = CN_WIRED


def aligned(shape):
    """Return an array of zeros at a cache line."""
    count = int(np.prod(shape))
    raw = np.zeros(count + 8)
    start = (-raw.ctypes.data % 64) // 8
    return raw[start:start + count].reshape(shape)


def nodes(double[:, ::1] v, const double[::1] own, const double[::1] low, const double[::1] high, bint pairs,
          double saturation, double thermal):
    """Replace currents v (examples, nodes) by the voltages of nodes with exponential diodes; see cn_wired_nodes."""
    with nogil:
        cn_wired_nodes(v.shape[0], v.shape[1], &own[0], &low[0], &high[0], pairs, saturation, thermal, &v[0, 0])


cdef class Wired:
    """Lines of one crossbar, factored.

    Parameters
    ----------
    g : ndarray, shape (rows, cols), S
    r_word, r_bit : float, ohm
        Of a segment.
    tile : int
        Rows whose bit lines are one wire.
    """

    cdef cn_wired w
    cdef readonly object g, y_word, y_bit
    cdef object k_word, k_bit, work
    cdef double[:, ::1] space

    def __cinit__(self, const double[:, ::1] g, double r_word, double r_bit, cn_idx tile):
        cdef double[:, ::1] word, bit
        cdef double[::1] into, out, scratch
        shape = g.shape[0], g.shape[1]
        self.g, self.k_word, self.k_bit = np.asarray(g), np.empty(shape), np.empty(shape)
        self.y_word, self.y_bit = np.empty(shape[0]), np.empty(shape[1])
        self.space = self.work = aligned((8 * shape[1], LANES))
        word, bit, into, out = self.k_word, self.k_bit, self.y_word, self.y_bit
        scratch = np.empty(shape[1])
        self.w.m, self.w.n, self.w.tile, self.w.r_word, self.w.r_bit = shape[0], shape[1], tile, r_word, r_bit
        self.w.g, self.w.k_word, self.w.k_bit = &g[0, 0], &word[0, 0], &bit[0, 0]
        self.w.y_word, self.w.y_bit = &into[0], &out[0]
        with nogil:
            cn_wired_factor(&self.w, &scratch[0])

    def round(self, const double[:, :, ::1] p, const double[:, :, ::1] q, double[:, :, :, ::1] v, bint first):
        """Go one round of word lines and bit lines; return what cn_wired.h calls out and into.

        p (groups, rows, 8), q (groups, cols, 8), v (groups, rows, cols, 8), all aligned.
        """
        cdef cn_idx k
        drawn, given = aligned((p.shape[0], self.w.n, LANES)), aligned((p.shape[0], self.w.m, LANES))
        cdef double[:, :, ::1] out = drawn
        cdef double[:, :, ::1] into = given
        with nogil:
            for k in range(p.shape[0]):
                cn_wired_round(&self.w, &p[k, 0, 0], &q[k, 0, 0], &v[k, 0, 0, 0], first, &out[k, 0, 0], &into[k, 0, 0],
                               &self.space[0, 0])
        return drawn, given

    def products(self, const double[:, :, ::1] p, const double[:, :, :, ::1] v, const double[:, :, ::1] p2,
                 const double[:, :, :, ::1] v2):
        """Return the sums over all examples of products of cells' voltages in two states, (rows, cols)."""
        cdef cn_idx k
        found = np.zeros((self.w.m, self.w.n))
        cdef double[:, ::1] total = found
        with nogil:
            for k in range(p.shape[0]):
                cn_wired_products(&self.w, &p[k, 0, 0], &v[k, 0, 0, 0], &p2[k, 0, 0], &v2[k, 0, 0, 0], &total[0, 0],
                                  &self.space[0, 0])
        return found

    def shares(self):
        """Return what of a volt at each bit line's end arrives at its cells without the wires of rows, (rows, cols)."""
        found = np.empty((self.w.m, self.w.n))
        cdef double[:, ::1] share = found
        with nogil:
            cn_wired_shares(&self.w, &share[0, 0])
        return found

    def across(self, const double[:, ::1] x, const double[::1] q):
        """Return x less the voltages of bit lines that end at q and whose cells lead to x, (rows, cols)."""
        found = np.empty((self.w.m, self.w.n))
        cdef double[:, ::1] to = found
        with nogil:
            cn_wired_across(&self.w, &x[0, 0], &q[0], &to[0, 0], &self.space[0, 0])
        return found
