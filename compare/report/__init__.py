"""Every wording in one place: terminal, JSON, HTML, plots, CI."""
