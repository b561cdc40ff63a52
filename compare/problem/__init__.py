"""Problems: the network, its training and its data."""
