"""Every picture of :mod:`smoothfit.plot`, of several models: ``python -m docs.gallery``.

* :mod:`.subjects`: the models, and the records that pictures are drawn from.
* :mod:`.crowds`: records of few and of many entries, to see whether a picture can be read.
* :mod:`.pictures`: which picture is drawn from which record.
* :mod:`.page`: the page with all of them.
"""
