"""How much memory a process holds."""

import os
import subprocess
from pathlib import Path


def resident_bytes(process: int) -> int:
    """Bytes of a process that are in memory, shared ones included; 0 when it is no more."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return 0 if Path("/proc/self").exists() else told_by_ps(process)
    except OSError:
        return 0


def told_by_ps(process: int) -> int:
    """The same where there is no /proc."""
    asked = ["ps", "-o", "rss=", "-p", str(process)]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return int(found) * 1024 if found.isdecimal() else 0
