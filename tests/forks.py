"""Work in a forked child: a process of its own, without the seconds that a fresh one takes to import torch."""

import os
import sys
import traceback
import warnings
from collections.abc import Callable


def fork(work: Callable[[], None]) -> int:
    """Do the work in a child, which ends with it: with 0, or with 1 where it raises. Returns the child's number."""
    sys.stdout.flush()
    with warnings.catch_warnings():
        # Other threads are those of the tests' runner; the child uses none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def in_child(work: Callable[[], None]) -> None:
    """Do the work in a child; fails where it raises."""
    _, status = os.waitpid(fork(work), 0)
    assert os.waitstatus_to_exitcode(status) == 0
