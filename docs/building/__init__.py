"""What `make docs` does beside mkdocs: pictures, formulas, notebooks, docstrings. Not part of the library."""
