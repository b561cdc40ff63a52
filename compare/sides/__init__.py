"""Who makes a step: the two backends, behind one interface."""
