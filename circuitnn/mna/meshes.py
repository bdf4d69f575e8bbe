"""Meshes of periodic solutions: interpolation, where intervals should be short, and what a finer mesh changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from circuitnn.mna.orbit import NODES, Orbit, Segment

Real = NDArray[np.float64]

#: Part of the intervals that is spread evenly.
_EVEN = 0.25
_ALL_NODES = np.concatenate([[0.0], NODES])


def lagrange(nodes: Real, at: Real) -> Real:
    """Return the values at ``at`` (P,) of the polynomials that are 1 at one node each, (P, nodes)."""
    found = np.ones((len(at), len(nodes)))
    for k, node in enumerate(nodes):
        for other in np.delete(nodes, k):
            found[:, k] *= (at - other) / (node - other)
    return found


def sample(orbit: Orbit, segment: NDArray[np.int64], part: Real) -> Real:
    """Return x at points of segments, (P, n); ``part`` counts from 0 to 1 within each.

    In the first interval of a segment the polynomial goes through the stages alone: what holds no charge may jump.
    """
    found = np.empty((len(part), orbit.stages.shape[2]))
    first, entries = 0, orbit.entries
    for k, own in enumerate(orbit.segments):
        mine = np.flatnonzero(segment == k)
        which = np.clip(np.searchsorted(own.mesh, part[mine], side="left") - 1, 0, own.intervals - 1)
        inside = (part[mine] - own.mesh[which]) / np.diff(own.mesh)[which]
        whole = lagrange(_ALL_NODES, inside)
        alone = lagrange(NODES, inside)
        smooth = ((which > 0) | (len(orbit.segments) == 1)) & (own.intervals > 1)
        at = first + which
        values = np.einsum("pk,pkn->pn", whole[:, 1:], orbit.stages[at]) + whole[:, :1] * entries[at]
        values[~smooth] = np.einsum("pk,pkn->pn", alone, orbit.stages[at])[~smooth]
        found[mine] = values
        first += own.intervals
    return found


def density(orbit: Orbit, size: Real) -> list[Real]:
    """Return for each segment how densely its intervals should lie, (intervals,): the fourth derivative's fourth root.

    That derivative comes from differences of the third ones of neighbouring intervals (Ascher, Mattheij and Russell,
    Numerical Solution of Boundary Value Problems, 1995, section 9.3).
    """
    found, first = [], 0
    nodes = np.vander(NODES - 0.5, 3)
    top = np.linalg.inv(nodes)[0]  # of the parabola through the stages: its second derivative is twice that
    for segment in orbit.segments:
        width = np.diff(segment.mesh)
        stages = orbit.stages[first : first + segment.intervals] / size
        first += segment.intervals
        second = 2.0 * np.einsum("k,jkn->jn", top, stages) / width[:, None] ** 2
        if segment.intervals < 2:
            found.append(np.ones(1))
            continue
        middle = 0.5 * (segment.mesh[1:] + segment.mesh[:-1])
        third = np.abs(np.diff(second, axis=0)).max(axis=1) / np.diff(middle)
        near = np.concatenate([third[:1], np.maximum(third[1:], third[:-1]), third[-1:]])
        found.append(near ** (1.0 / 3.0))
    return found


def spread(mesh: Real, wanted: Real, count: int) -> Real:
    """Return a mesh of ``count`` intervals that lie as densely as wanted (intervals,) on the old one, some evenly."""
    share = wanted * np.diff(mesh)
    total = share.sum()
    smooth = (share / total if total > 0.0 else np.diff(mesh)) * (1.0 - _EVEN) + _EVEN * np.diff(mesh)
    # neighbours' needs count, too: what moves between two solutions stays within short intervals
    area = np.concatenate([[0.0], np.cumsum(smooth)])
    found: Real = np.interp(np.linspace(0.0, area[-1], count + 1), area, mesh)
    found[0], found[-1] = 0.0, 1.0
    return found


def remeshed(orbit: Orbit, size: Real, count: int) -> Orbit:
    """Return the orbit on another mesh of about ``count`` intervals, interpolated."""
    wanted = density(orbit, size)
    shares = np.array([(w * np.diff(s.mesh)).sum() for w, s in zip(wanted, orbit.segments, strict=True)])
    shares = shares / shares.sum() if shares.sum() > 0.0 else np.full(len(shares), 1.0 / len(shares))
    parts = (1.0 - _EVEN) * shares + _EVEN / len(shares)
    segments = [
        replace(s, mesh=spread(s.mesh, w, max(2, round(count * part))))
        for s, w, part in zip(orbit.segments, wanted, parts, strict=True)
    ]
    return carried(orbit, segments)


def carried(orbit: Orbit, segments: list[Segment]) -> Orbit:
    """Return the orbit interpolated onto the meshes of ``segments``."""
    owner = np.repeat(np.arange(len(segments)), [3 * s.intervals for s in segments])
    part = np.concatenate([(s.mesh[:-1, None] + np.diff(s.mesh)[:, None] * NODES).ravel() for s in segments])
    n = orbit.stages.shape[2]
    return Orbit(segments, sample(orbit, owner, part).reshape(-1, 3, n), orbit.durations.copy())


def difference(coarse: Orbit, fine: Orbit, size: Real, dynamic: NDArray[np.bool_]) -> tuple[float, float]:
    """Return by how much two solutions differ: the period's part, and the largest of what holds charge, of its size."""
    owner = np.repeat(np.arange(len(coarse.segments)), [s.intervals for s in coarse.segments])
    ends = np.concatenate([s.mesh[1:] for s in coarse.segments])
    gap = np.abs(sample(fine, owner, ends) - coarse.stages[:, -1, :])[:, dynamic] / size[dynamic]
    return abs(fine.period / coarse.period - 1.0), float(gap.max(initial=0.0))
