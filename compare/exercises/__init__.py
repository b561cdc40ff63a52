"""Exercises: sets of files with functions left out, what a learner has solved, and how far a file has come."""
