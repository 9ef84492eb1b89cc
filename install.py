"""Makes .venv what the lock files say. Run by make, with whatever python3 the machine has.

Nothing but the standard library, and nothing that an older Python cannot read: it has to live
long enough to say what is missing.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "installed.json")
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
OLDEST = (3, 11)


def fail(line):
    sys.exit("quartermaster: " + line)


def use_a_python_that_is_new_enough():
    if sys.version_info >= OLDEST:
        return
    for minor in range(14, 10, -1):
        found = shutil.which("python3.%d" % minor)
        if found:
            os.execv(found, [found] + sys.argv)
    fail(
        "Python 3.11 or newer is needed, and %s is %d.%d. Install one, or: make PYTHON=/path/to/python3.11"
        % (sys.executable, sys.version_info[0], sys.version_info[1])
    )


def digest(name):
    with open(os.path.join(ROOT, name), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def wanted(profile):
    # The development lock holds all of the other one, at the same versions.
    profiles = ["run", "dev"] if profile == "dev" else ["run"]
    marks = {name: digest(LOCKS[name]) for name in profiles}
    marks.update(project=digest("pyproject.toml"), root=ROOT)
    return marks


def installed():
    try:
        with open(STAMP) as file:
            marks = json.load(file)
    except (OSError, ValueError):
        return {}
    python = os.path.join(VENV, "bin", "python")
    return marks if marks.get("root") == ROOT and os.path.exists(python) else {}


def make_venv():
    try:
        import ensurepip  # noqa: F401  only whether it is there
        import venv
    except ImportError:
        fail("this Python has no venv module. On Debian or Ubuntu: apt install python3-venv")
    say("making .venv")
    venv.EnvBuilder(clear=True, with_pip=True, symlinks=True).create(VENV)


def say(line):
    print("quartermaster: " + line, flush=True)


def pip(arguments, total=0):
    command = [os.path.join(VENV, "bin", "python"), "-m", "pip", "install"] + arguments
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    lines = []
    shown = sys.stdout.isatty()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, cwd=ROOT
    ) as process:
        collected = 0
        for line in process.stdout:
            lines.append(line.rstrip())
            if total and line.startswith("Collecting"):
                collected += 1
                progress("%d of %d packages" % (min(collected, total), total), collected, shown)
            elif total and line.startswith("Installing collected"):
                progress("unpacking", 0, shown)
    if shown and total:
        print()
    if process.returncode:
        errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:]
        fail(
            "the packages could not be installed: " + (errors[0] if errors else "pip said nothing")
        )


def progress(text, number, on_terminal):
    if on_terminal:
        print("\rquartermaster: installing, %-24s" % text, end="", flush=True)
    elif number % 20 == 0:
        say("installing, " + text)


def install(profile):
    want, have = wanted(profile), installed()
    if all(have.get(name) == mark for name, mark in want.items()):
        return
    if not have or not os.path.exists(os.path.join(VENV, "bin", "pip")):
        make_venv()
        have = {}
    lock = LOCKS[profile]
    if have.get(profile) != want[profile]:
        total = sum("==" in line for line in open(os.path.join(ROOT, lock)))
        pip(["--require-hashes", "-r", lock], total)
    pip(["--no-deps", "--no-build-isolation", "--no-index", "-e", "."])
    if "dev" in have and profile == "run" and have.get("run") == want["run"]:
        want["dev"] = have["dev"]
    with open(STAMP, "w") as file:
        json.dump(want, file)
    say("installed")


def main():
    use_a_python_that_is_new_enough()
    with open(os.path.abspath(__file__)) as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        try:
            install(sys.argv[1])
        except OSError as error:
            fail(str(error))


if __name__ == "__main__":
    main()
