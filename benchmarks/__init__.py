"""Side-by-side measurements. Each file is a command: ``python benchmarks/first_fit.py``."""
