"""What `make docs` does beside mkdocs: pictures, formulas, notebooks and docstrings. Not part of the library."""
