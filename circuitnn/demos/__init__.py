"""Whole experiments, from shipped data to a figure, one file each."""
