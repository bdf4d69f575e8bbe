"""Disjoint sets of numbers: what is joined to what."""

from libc.stdint cimport int32_t, uint8_t

import numpy as np


cdef class DisjointSets:
    """Sets of the numbers below ``n``, each alone at first.

    Trees are halved while they are walked, which makes each walk short on average (R. E. Tarjan and J. van Leeuwen,
    J. ACM 31 (1984) 245).

    Examples
    --------
    >>> sets = DisjointSets(3)
    >>> sets.join(np.array([0, 1], np.int32), np.array([1, 0], np.int32)).tolist()
    [True, False]
    >>> roots = sets.roots()
    >>> bool(roots[0] == roots[1]), bool(roots[0] == roots[2])
    (True, False)
    """

    cdef int32_t[::1] _parent

    def __init__(self, Py_ssize_t n):
        self._parent = np.arange(n, dtype=np.int32)

    cdef inline int32_t _find(self, int32_t k) noexcept nogil:
        cdef int32_t *parent = &self._parent[0]
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    def join(self, const int32_t[::1] a, const int32_t[::1] b):
        """Join the sets of ``a[k]`` and ``b[k]``, one pair after the other; return which pairs were apart."""
        apart = np.zeros(a.shape[0], np.uint8)
        cdef uint8_t[::1] flag = apart
        cdef Py_ssize_t k
        cdef int32_t ra, rb
        with nogil:
            for k in range(a.shape[0]):
                ra = self._find(a[k])
                rb = self._find(b[k])
                if ra != rb:
                    # the smaller number stays the root: short trees where numbers follow the wires
                    if ra < rb:
                        self._parent[rb] = ra
                    else:
                        self._parent[ra] = rb
                    flag[k] = 1
        return apart.view(bool)

    def roots(self):
        """Return a member of each number's set, the same for all of a set; shape (n,)."""
        found = np.empty(self._parent.shape[0], np.int32)
        cdef int32_t[::1] root = found
        cdef Py_ssize_t k
        with nogil:
            for k in range(root.shape[0]):
                root[k] = self._find(<int32_t>k)
        return found
