"""The lesson's data: 400 graduate-admission records, read strictly and prepared as the lesson prepares them."""

from data.admissions import FEATURES, LESSON_CSV, Admissions, DataError, load_admissions, read_admissions

__all__ = ["Admissions", "DataError", "FEATURES", "LESSON_CSV", "load_admissions", "read_admissions"]
