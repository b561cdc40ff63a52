"""Traces: a training run kept in a folder, as docs/traces.md describes it; read without torch."""
