"""Texts of long ago: their attempts, receipts and decisions packed into sealed pages, and read as if they were not.

packing.py   which texts are old enough, and one page in one transaction
pages.py     rows to a page's bytes and back
past.py      what everybody who looks back asks: the rows of texts, wherever they lie
checking.py  whether every page is what was written
"""
