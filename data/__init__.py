"""Data for a comparison: the lesson's 400 graduate-admission records, or any CSV file; read strictly, and prepared as the lesson does.

Beside them what larger networks are trained on: handwritten digits, the characters of a text, and digits to sort.
"""

from .admissions import FEATURES, LESSON_CSV, Admissions, load_admissions, read_admissions
from .digits import DIGITS_CSV, Digits, load_digits
from .faults import DataError, LabelsError
from .sorting import Sorting, draw_sorting
from .table import Table, load_table
from .text import ALICE_TXT, Text, load_text

__all__ = [
    "ALICE_TXT",
    "Admissions",
    "DIGITS_CSV",
    "DataError",
    "Digits",
    "FEATURES",
    "LESSON_CSV",
    "LabelsError",
    "Sorting",
    "Table",
    "Text",
    "draw_sorting",
    "load_admissions",
    "load_digits",
    "load_table",
    "load_text",
    "read_admissions",
]
