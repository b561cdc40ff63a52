"""What trains: the two backends, behind one interface."""
