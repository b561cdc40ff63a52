"""Grade a folder of untrusted attempts."""
