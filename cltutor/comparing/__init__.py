"""Runs side by side: comparisons over seeds and methods, on any executor, as tables."""
