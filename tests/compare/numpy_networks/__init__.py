"""Hand-written trainers of networks in plain NumPy, in many honest forms: written independently of PyTorch and of the package."""
