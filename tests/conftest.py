"""What all tests share: Hypothesis without deadlines, since a first call may import or compile."""

from hypothesis import settings

pytest_plugins = ["pytester"]

settings.register_profile("default", deadline=None, max_examples=60)
settings.load_profile("default")
