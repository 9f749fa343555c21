"""Hypothesis tests of a parameter of interest: CLs, upper and two-sided limits, significances."""
