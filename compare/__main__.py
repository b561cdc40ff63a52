"""`python -m compare`.

Python puts the current folder first in its search for modules; unless this package itself lies there, it is taken out again, or a numpy.py
in a folder of attempts would be imported as NumPy.
"""

import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()) and os.path.dirname(os.path.dirname(os.path.abspath(__file__))) != os.getcwd():
    del sys.path[0]

from .cli.main import run

run()
