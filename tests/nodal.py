"""Crossbars by nodal analysis, written apart from the engine, for tests to compare with."""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla


def nodal_transfer(G, r_word, r_bit):
    """Transfer matrix from Kirchhoff's current law at every node, written from the drawing of the array.

    Word lines are driven from the left through one segment, bit lines end at the bottom in one segment to ground.
    """
    rows, cols = G.shape
    count = rows * cols
    word = np.arange(count).reshape(rows, cols)
    bit = count + word
    edges = [(word.ravel(), bit.ravel(), G.ravel())]
    edges += [(word[:, :-1].ravel(), word[:, 1:].ravel(), np.full(rows * (cols - 1), 1.0 / r_word))]
    edges += [(bit[:-1].ravel(), bit[1:].ravel(), np.full((rows - 1) * cols, 1.0 / r_bit))]
    a, b, g = (np.concatenate(part) for part in zip(*edges, strict=True))
    matrix = sp.coo_matrix((-g, (a, b)), shape=(2 * count, 2 * count))
    matrix = matrix + matrix.T
    to_ground = np.zeros(2 * count)
    to_ground[word[:, 0]] = 1.0 / r_word
    to_ground[bit[-1]] = 1.0 / r_bit
    matrix = matrix + sp.diags(to_ground - np.asarray(matrix.sum(axis=1)).ravel())
    drive = np.zeros((2 * count, rows))
    drive[word[:, 0], np.arange(rows)] = 1.0 / r_word
    voltages = spla.splu(matrix.tocsc()).solve(drive)
    return voltages[bit[-1]].T / r_bit


def relative(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
