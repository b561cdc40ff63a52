"""Files that train something by themselves: each step of theirs beside differences of the loss along which it goes."""
