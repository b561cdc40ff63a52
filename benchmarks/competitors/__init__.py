"""What the hand-written backend is measured against, one way to train to a file."""
