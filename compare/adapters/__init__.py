"""Everything that can be an `Implementation`: the two backends, so far."""

from compare.adapters.manual import Manual

__all__ = ["Manual"]
