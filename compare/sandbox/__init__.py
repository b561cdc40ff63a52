"""Run an untrusted file in a confined process."""
