"""Side-by-side measurements: ``python -m benchmarks.run``; docs/how_fast.md says how they are made."""
