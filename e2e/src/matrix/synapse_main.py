"""Runs Synapse with the arguments of this program, for as long as standard input is open.

Whoever started it may be killed, or end without a word: the pipe is closed then, and so is this.
"""

import os
import sys
import threading

from synapse.app.homeserver import main


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
main()
