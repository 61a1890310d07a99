"""The steps of an import, in reading order: reading, columns, values, rows, writing; the door is ``importer``."""
