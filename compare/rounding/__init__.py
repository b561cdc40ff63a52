"""How far apart two honest programs may be."""
