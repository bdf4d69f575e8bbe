"""The columns of csrc/cn_plain.h: plain lines of a netlist without an object a line."""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

import numpy as np

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx
    ctypedef enum cn_status:
        CN_OK

cdef extern from "cn_plain.h":
    ctypedef double (*cn_to_double)(const char *text)
    ctypedef struct cn_words:
        cn_idx n
        const uint32_t *at
        const char *text
    ctypedef struct cn_plain:
        cn_words name
        cn_words node
        cn_idx *plus
        cn_idx *minus
        cn_idx *line
        double *value
        uint8_t *letter
    cn_status cn_plain_init(cn_plain *table)
    void cn_plain_free(cn_plain *table)
    cn_status cn_plain_read(cn_plain *table, const char *text, const int64_t *starts, cn_idx n_lines, cn_idx first,
                            cn_idx body, cn_to_double convert, cn_idx *next)
    cn_status cn_plain_claim(cn_plain *table, cn_idx body, const char *name, size_t length)
    cn_idx cn_words_find(const cn_words *words, cn_idx owner, const char *word, size_t length)

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, void *overflow)


cdef double _convert(const char *text) noexcept:
    return PyOS_string_to_double(text, NULL, NULL)


cdef _copy(const void *values, Py_ssize_t count, dtype):
    out = np.empty(count, dtype)
    cdef char[::1] view
    if count:
        view = out.view(np.uint8)
        memcpy(&view[0], values, view.shape[0])
    return out


cdef _text(const cn_words *words, Py_ssize_t k):
    return PyUnicode_DecodeUTF8(words.text + words.at[k], words.at[k + 1] - words.at[k] - 1, NULL)


cdef _texts(const cn_words *words, Py_ssize_t start, Py_ssize_t stop):
    if stop <= start:
        return []
    return PyUnicode_DecodeUTF8(words.text + words.at[start], words.at[stop] - words.at[start] - 1, NULL).split("\n")


cdef class PlainTable:
    """The plain lines of one netlist, row by row: letter, name, two nodes, value, line number.

    A row belongs to a body: the top level of the netlist (0) or one subcircuit definition. Nodes are numbers of
    names; 0 is ``"0"`` and 1 is ``"gnd"``.

    Examples
    --------
    >>> table = PlainTable()
    >>> text = b"r1 a 0 1k\\nc1 a 0 1p\\n.op\\n"
    >>> table.read(text, np.array([0, 10, 20, 24]), 0, 0), len(table)
    (2, 2)
    >>> table.name(1), table.find(0, "c1"), table.columns(0, 2)[2].tolist()
    ('c1', 1, [1000.0, 1e-12])
    """

    cdef cn_plain _table

    def __cinit__(self):
        if cn_plain_init(&self._table) != CN_OK:
            raise MemoryError

    def __dealloc__(self):
        cn_plain_free(&self._table)

    def __len__(self):
        return self._table.name.n

    def read(self, bytes text, const int64_t[::1] starts, int first, int body):
        """Read lines from ``first`` (counted from 0) on until one is not plain; return that line's number."""
        cdef cn_idx following = first
        if cn_plain_read(&self._table, PyBytes_AS_STRING(text), &starts[0], <cn_idx>(starts.shape[0] - 1), first, body,
                         _convert, &following) != CN_OK:
            raise MemoryError
        return following

    def claim(self, int body, str name):
        """Keep a name of a body for a line of another kind."""
        if not name.isascii():
            return
        cdef Py_ssize_t length
        cdef const char *word = PyUnicode_AsUTF8AndSize(name, &length)
        if cn_plain_claim(&self._table, body, word, length) != CN_OK:
            raise MemoryError

    def find(self, int body, str name):
        """Return the row of a name in a body, or -1."""
        if not name.isascii():
            return -1
        cdef Py_ssize_t length
        cdef const char *word = PyUnicode_AsUTF8AndSize(name, &length)
        cdef cn_idx row = cn_words_find(&self._table.name, body, word, length)
        return row if row >= 0 and self._table.letter[row] else -1

    def find_node(self, str name):
        """Return the number of a node's name, or -1."""
        if not name.isascii():
            return -1
        cdef Py_ssize_t length
        cdef const char *word = PyUnicode_AsUTF8AndSize(name, &length)
        return cn_words_find(&self._table.node, 0, word, length)

    def letter(self, Py_ssize_t row):
        """Return the letter of a row."""
        return chr(self._table.letter[row])

    def row(self, Py_ssize_t row):
        """Return name, names of the two nodes, value and line number."""
        cdef cn_plain *t = &self._table
        return (_text(&t.name, row), _text(&t.node, t.plus[row]), _text(&t.node, t.minus[row]), t.value[row],
                t.line[row])

    def name(self, Py_ssize_t row):
        """Return the name of a row."""
        return _text(&self._table.name, row)

    def names(self, Py_ssize_t start, Py_ssize_t stop):
        """Return the names of a range of rows."""
        return _texts(&self._table.name, start, stop)

    def node_names(self):
        """Return the names of all nodes, by number."""
        return _texts(&self._table.node, 0, self._table.node.n)

    @property
    def n_nodes(self):
        """Number of node names."""
        return self._table.node.n

    def node_name(self, Py_ssize_t node):
        """Return the name of one node."""
        return _text(&self._table.node, node)

    def columns(self, Py_ssize_t start, Py_ssize_t stop):
        """Return letters (m,), node numbers (2, m) and values (m,) of a range of rows."""
        cdef cn_plain *t = &self._table
        cdef Py_ssize_t m = stop - start
        nodes = np.stack([_copy(t.plus + start, m, np.int32), _copy(t.minus + start, m, np.int32)])
        return _copy(t.letter + start, m, np.uint8), nodes, _copy(t.value + start, m, np.float64)


def rank_by_first(const int32_t[::1] stream, int count):
    """Number the entries of a stream by first appearance.

    Parameters
    ----------
    stream : ndarray of int32
        Numbers below ``count``.
    count : int

    Returns
    -------
    rank : ndarray of int32, shape (count,)
        New number of each; -1 for those that never appear.
    used : ndarray of int32
        Old numbers, by new number.

    Examples
    --------
    >>> [array.tolist() for array in rank_by_first(np.array([2, 0, 2], np.int32), 3)]
    [[1, -1, 0], [2, 0]]
    """
    rank = np.full(count, -1, np.int32)
    used = np.empty(count, np.int32)
    cdef int32_t[::1] new = rank, old = used
    cdef int32_t n = 0
    cdef Py_ssize_t k
    for k in range(stream.shape[0]):
        if new[stream[k]] < 0:
            new[stream[k]] = n
            old[n] = stream[k]
            n += 1
    return rank, used[:n].copy()
