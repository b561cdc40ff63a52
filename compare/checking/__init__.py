"""A user's file, examined: probes, stress tests, verdict."""
