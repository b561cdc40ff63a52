"""Data for a comparison: the lesson's 400 graduate-admission records, or any CSV file; read strictly, and prepared as the lesson does."""

from .admissions import FEATURES, LESSON_CSV, Admissions, load_admissions, read_admissions
from .reading import DataError
from .table import Table, load_table

__all__ = ["Admissions", "DataError", "FEATURES", "LESSON_CSV", "Table", "load_admissions", "load_table", "read_admissions"]
