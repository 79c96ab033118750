"""Runs a real Mesos master and agent until standard input ends: see README.md."""
import argparse, os, shutil, signal, subprocess, sys, tempfile, time, urllib.request, zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = "1.11.0"
RESOURCES = "cpus:4;mem:2048;disk:4096;ports:[31000-31099]"


def python27():
    """A Python 2.7 that works, or an end with a sentence."""
    candidates = [os.environ.get("PYTHON27"), shutil.which("python2.7")]
    if shutil.which("pyenv"):
        found = subprocess.run(["pyenv", "which", "python2.7"], env={**os.environ, "PYENV_VERSION": "2.7.18"},
                               capture_output=True, text=True)
        candidates.insert(1, found.stdout.strip() if found.returncode == 0 else None)
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", "import pip, setuptools"], capture_output=True).returncode == 0:
            return candidate
    sys.exit("run.py: there is no Python 2.7 with pip and setuptools, and Debian has none any more: "
             "`pyenv install 2.7.18`, or name one in PYTHON27")


def installed(python, home):
    """The folder with the package and its stand-ins, filled at first use."""
    site = os.path.join(home, "mesos-" + VERSION)
    if os.path.exists(os.path.join(site, ".done")):
        return site
    shutil.rmtree(site, ignore_errors=True)
    eggs = os.path.join(site, "eggs")
    os.makedirs(eggs)

    def step(*args, **env):
        done = subprocess.run([python, *args], env={**os.environ, **env}, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    for args in (["protobuf==3.17.3", "six"], ["--no-deps", "mesos.interface==" + VERSION]):
        code, words = step("-m", "pip", "install", "-q", "-t", site, *args)
        if code:
            sys.exit(f"run.py: pip cannot install {args}:\n{words}")
    for package in ("google", "mesos"):
        open(os.path.join(site, package, "__init__.py"), "a").close()
    # It is published as an egg only, whose ordinary client is easy_install.
    _, words = step("-m", "easy_install", "-q", "-N", "-m", "-z", "-d", eggs, "mesos.scheduler==" + VERSION, PYTHONPATH=eggs)
    egg = [name for name in os.listdir(eggs) if name.startswith("mesos.scheduler-")]
    if not egg:
        sys.exit(f"run.py: easy_install cannot install mesos.scheduler {VERSION}:\n{words}")
    with zipfile.ZipFile(os.path.join(eggs, egg[0])) as packed:
        for name in packed.namelist():
            if name.startswith("mesos/scheduler/") and not name.endswith(".pyc"):
                packed.extract(name, site)
    stand_ins = os.path.join(site, "stand-ins")
    os.makedirs(stand_ins)
    made = subprocess.run([sys.executable, os.path.join(HERE, "standins.py"), driver(site), stand_ins])
    if made.returncode:
        sys.exit("run.py: the stand-in libraries cannot be built (is there a gcc?)")
    open(os.path.join(site, ".done"), "w").close()
    return site


def driver(site):
    return os.path.join(site, "mesos/scheduler/_scheduler.so")


def helpers(run):
    """The folder of the agent's helper programs."""
    folder = os.path.join(run, "libexec")
    os.mkdir(folder)
    for name in ("mesos-containerizer", "mesos-executor"):
        path = os.path.join(folder, name)
        with open(path, "w") as script:
            script.write(f"#!/bin/sh\nunset LD_LIBRARY_PATH PYTHONPATH\nexec '{sys.executable}' '{HERE}/helpers.py' {name} \"$@\"\n")
        os.chmod(path, 0o755)
    return folder


def environment(site, run, port):
    flags = {
        "work_dir": run + "/work", "runtime_dir": run + "/runtime", "num_slaves": "1", "launcher": "posix",
        "launcher_dir": helpers(run), "isolation": "posix/cpu,posix/mem", "systemd_enable_support": "false",
        "containerizers": "mesos", "http_command_executor": "true", "hostname": "localhost", "resources": RESOURCES,
        "attributes": "rack:r1;zone:z-a;level:3", "allocation_interval": "50ms",
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MESOS_", "LIBPROCESS_", "PYTHON"))}
    return {
        **inherited, **{"MESOS_" + name.upper(): value for name, value in flags.items()},
        "PYTHONPATH": site, "LD_LIBRARY_PATH": site + "/stand-ins", "LIBPROCESS_IP": "127.0.0.1",
        "LIBPROCESS_ADVERTISE_IP": "127.0.0.1", "LIBPROCESS_PORT": str(port), "LIBPROCESS_NUM_WORKER_THREADS": "4",
    }


def serves(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/state", timeout=2) as answer:
            return b'"activated_slaves":1' in answer.read()
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("master_port", type=int)
    parser.add_argument("agent_port", type=int)
    parser.add_argument("--home", required=True, help="where the package is kept between runs")
    args = parser.parse_args()
    python = python27()
    site = installed(python, args.home)
    run = tempfile.mkdtemp(prefix="run.", dir=args.home)
    children = []
    try:
        log = open(os.path.join(run, "log"), "w")
        front = [sys.executable, HERE + "/front.py", str(args.master_port), str(args.agent_port)]
        children.append(subprocess.Popen(front, stderr=log, stdin=subprocess.DEVNULL))
        local = [python, HERE + "/local.py", driver(site)]
        children.append(subprocess.Popen(local, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=run,
                                         env=environment(site, run, args.agent_port)))
        deadline = time.monotonic() + 60
        while not serves(args.master_port):
            if children[1].poll() is not None or time.monotonic() > deadline:
                with open(log.name) as words:
                    sys.exit("run.py: it does not start:\n" + "".join(words.readlines()[-8:]))
            time.sleep(0.1)
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        for child in reversed(children):
            child.terminate()
        for child in children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
        shutil.rmtree(run, ignore_errors=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
main()
